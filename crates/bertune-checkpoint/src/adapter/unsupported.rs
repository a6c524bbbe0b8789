use std::path::Path;

use serde_json::{Map, Value};

use crate::CheckpointError;

/// Keys that switch on variants of LoRA that compute something else.
const SWITCHES: [&str; 13] = [
    "use_dora",
    "use_qalora",
    "use_bdlora",
    "lora_bias",
    "layer_replication",
    "target_parameters",
    "trainable_token_indices",
    "alora_invocation_tokens",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
    "velora_config",
    "lora_ga_config",
];

/// Ways to begin that leave the base as it is.
const BEGINNINGS: [&str; 3] = ["gaussian", "eva", "orthogonal"];

/// Refuses what would compute something else than the factors say.
pub(super) fn check(file: &Path, keys: &Map<String, Value>) -> Result<(), CheckpointError> {
    let refuse = |key: &str, found: &Value, supported: &'static str| {
        let (file, key, found) = (file.to_path_buf(), key.to_owned(), found.to_string());
        Err(CheckpointError::AdapterVariant { file, key, found, supported })
    };
    let null = Value::Null;
    let get = |key: &str| keys.get(key).unwrap_or(&null);
    if get("peft_type") != "LORA" {
        return refuse("peft_type", get("peft_type"), "\"LORA\"");
    }
    if !get("bias").is_null() && get("bias") != "none" {
        return refuse("bias", get("bias"), "\"none\"");
    }
    let beginning = get("init_lora_weights");
    if beginning.as_str().is_some_and(|name| !BEGINNINGS.contains(&name)) {
        return refuse(
            "init_lora_weights",
            beginning,
            "ways to begin that leave the base as it is",
        );
    }
    match SWITCHES.iter().find(|key| !is_off(get(key))) {
        Some(key) => refuse(key, get(key), "adapters without it"),
        None => Ok(()),
    }
}

fn is_off(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(values) => values.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(keys: Value) -> Option<String> {
        let Value::Object(keys) = keys else { return None };
        check("adapter_config.json".as_ref(), &keys).err().map(|error| error.to_string())
    }

    #[test]
    fn what_computes_something_else_is_refused() {
        let plain = json!({"peft_type": "LORA", "bias": "none", "use_dora": false,
            "init_lora_weights": true, "arrow_config": null});
        assert_eq!(message(plain), None);
        for (keys, named) in [
            (json!({"peft_type": "IA3"}), "peft_type is \"IA3\""),
            (json!({"peft_type": "LORA", "bias": "all"}), "bias is \"all\""),
            (json!({"peft_type": "LORA", "use_dora": true}), "use_dora is true"),
            (json!({"peft_type": "LORA", "init_lora_weights": "pissa"}), "\"pissa\""),
            (json!({"peft_type": "LORA", "alora_invocation_tokens": [1]}), "is [1]"),
        ] {
            let message = message(keys).unwrap_or_default();
            assert!(message.contains(named), "{message}");
        }
        let dora = message(json!({"peft_type": "LORA", "use_dora": true})).unwrap_or_default();
        assert!(dora.ends_with("use_dora is true, but bertune supports only adapters without it"));
    }
}
