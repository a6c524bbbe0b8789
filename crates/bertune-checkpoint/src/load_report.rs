use std::fmt;

/// Names that are shown of a longer list.
const SHOWN: usize = 4;

/// Where each parameter of a loaded model came from. Printed, it is a line for people.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadReport {
    /// The checkpoint's tensors that are now in the model.
    pub used: Vec<String>,
    /// The checkpoint's tensors that are not.
    pub ignored: Vec<String>,
    /// The model's parameters that the checkpoint did not give, and that are new.
    pub initialised: Vec<String>,
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tensors used", self.used.len())?;
        show(f, "newly initialised", &self.initialised)?;
        show(f, "ignored", &self.ignored)
    }
}

fn show(f: &mut fmt::Formatter<'_>, what: &str, names: &[String]) -> fmt::Result {
    if names.is_empty() {
        return Ok(());
    }
    let shown = &names[..names.len().min(SHOWN)];
    let more = if names.len() > SHOWN { ", …" } else { "" };
    write!(f, "; {} {what} ({}{more})", names.len(), shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_report_is_one_line() {
        let report = LoadReport {
            used: names(&["a", "b"]),
            ignored: names(&["c", "d", "e", "f", "g"]),
            initialised: names(&["classifier.weight"]),
        };
        assert_eq!(
            report.to_string(),
            "2 tensors used; 1 newly initialised (classifier.weight); 5 ignored (c, d, e, f, …)"
        );
    }

    #[test]
    fn what_there_is_nothing_of_is_not_said() {
        assert_eq!(LoadReport::default().to_string(), "0 tensors used");
    }
}
