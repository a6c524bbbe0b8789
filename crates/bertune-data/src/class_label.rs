use std::path::Path;

use arrow_schema::Schema;
use serde_json::Value;

/// The names that Hugging Face's datasets record for the numbers of a label column: in the
/// metadata of the file, else in the `dataset_info.json` beside it.
pub(crate) fn names(path: &Path, schema: &Schema, place: usize) -> Option<Vec<String>> {
    let column = schema.field(place).name();
    let recorded = schema.metadata().get("huggingface");
    let recorded = recorded.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let of_file = recorded.as_ref().and_then(|recorded| of_features(recorded.get("info")?, column));
    of_file.or_else(|| {
        let text = std::fs::read(path.with_file_name("dataset_info.json")).ok()?;
        of_features(&serde_json::from_slice(&text).ok()?, column)
    })
}

/// The names of a column that is a `ClassLabel`, or a list of them.
fn of_features(info: &Value, column: &str) -> Option<Vec<String>> {
    let feature = info.get("features")?.get(column)?;
    let item = match feature {
        Value::Array(items) => items.first()?,
        _ => feature.get("feature").unwrap_or(feature),
    };
    if item.get("_type")? != "ClassLabel" {
        return None;
    }
    let names = item.get("names")?.as_array()?;
    names.iter().map(|name| name.as_str().map(Into::into)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_those_of_the_column() {
        let label = json!({"names": ["b", "a"], "_type": "ClassLabel"});
        let check = |feature: Value, names: Option<&[&str]>| {
            let info = json!({"features": {"label": feature}});
            let names = names.map(|names| names.iter().map(|&name| name.into()).collect());
            assert_eq!(of_features(&info, "label"), names, "{info}");
            assert_eq!(of_features(&info, "text"), None);
        };
        check(label.clone(), Some(&["b", "a"]));
        check(json!({"feature": label, "_type": "List"}), Some(&["b", "a"]));
        check(json!([label]), Some(&["b", "a"]));
        check(json!({"dtype": "int64", "_type": "Value"}), None);
        check(json!({"names": [1], "_type": "ClassLabel"}), None);
        check(json!(null), None);
    }
}
