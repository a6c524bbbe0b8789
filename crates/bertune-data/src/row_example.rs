use serde_json::Value;

use crate::roles::Roles;
use crate::row_targets::RowTargets;
use crate::{DataError, Example};

impl Roles {
    /// The example of a row, given the cell at each place.
    pub(crate) fn example(
        &self,
        line: usize,
        mut cell: impl FnMut(usize) -> Result<Value, DataError>,
    ) -> Result<Example, DataError> {
        let text = self.text(line, self.places.text, cell(self.places.text)?)?;
        let text_pair = self.places.text_pair.map(|place| self.text(line, place, cell(place)?));
        let text_pair = text_pair.transpose()?;
        let RowTargets { label, labels, values } = self.targets(line, &mut cell)?;
        let weight = self.weight(line, &mut cell)?;
        Ok(Example { text, text_pair, label, labels, values, weight, file: 0, line })
    }

    /// A text; null is an empty one.
    fn text(&self, line: usize, place: usize, cell: Value) -> Result<String, DataError> {
        match cell {
            Value::String(text) => Ok(text),
            Value::Null => Ok(String::new()),
            other => Err(self.type_error(line, place, &other, "a string")),
        }
    }
}
