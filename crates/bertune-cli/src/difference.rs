use serde_json::{Map, Value};

/// Where the record of a run differs from what it would be now, in words: the first of its keys that
/// does. Settings lie under `settings`, hashes of files under `inputs`.
pub(crate) fn difference(was: &Value, is: &Value) -> anyhow::Result<Option<String>> {
    // Numbers are compared as they are in files.
    let in_file = |value: &Value| serde_json::from_str::<Value>(&value.to_string());
    Ok(first_difference(&in_file(was)?, &in_file(is)?, &mut Vec::new()))
}

fn first_difference<'a>(was: &'a Value, is: &'a Value, path: &mut Vec<&'a str>) -> Option<String> {
    let (Value::Object(old), Value::Object(new)) = (was, is) else {
        return (was != is).then(|| in_words(was, is, path));
    };
    old.keys().chain(new.keys()).find_map(|key| {
        let of = |map: &'a Map<String, Value>| map.get(key).unwrap_or(&Value::Null);
        path.push(key);
        let found = first_difference(of(old), of(new), path);
        path.pop();
        found
    })
}

fn in_words(was: &Value, is: &Value, path: &[&str]) -> String {
    match (path, was, is) {
        (["inputs", file], Value::Null, _) => format!("{file} was not read"),
        (["inputs", file], _, Value::Null) => format!("{file} is no longer read"),
        (["inputs", file], ..) => format!("{file} has changed"),
        (["settings", keys @ ..] | keys, ..) => {
            let word =
                |value: &Value| if value.is_null() { "absent".into() } else { value.to_string() };
            format!("{} was {} and is {}", keys.join("."), word(was), word(is))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(was: &Value, is: &Value, expected: Option<&str>) {
        assert_eq!(first_difference(was, is, &mut Vec::new()).as_deref(), expected);
    }

    #[test]
    fn the_first_difference_is_told_in_words() {
        let record = |rate: f64, hash: &str| json!({"settings": {"training": {"learning_rate": rate}}, "inputs": {"a.csv": hash}});
        check(&record(2e-3, "x"), &record(2e-3, "x"), None);
        let told = "training.learning_rate was 0.002 and is 0.0001";
        check(&record(2e-3, "x"), &record(1e-4, "y"), Some(told));
        check(&record(2e-3, "x"), &record(2e-3, "y"), Some("a.csv has changed"));
        let (with, without) = (json!({"max_steps": 3}), json!({}));
        check(&with, &without, Some("max_steps was 3 and is absent"));
        check(&without, &with, Some("max_steps was absent and is 3"));
    }
}
