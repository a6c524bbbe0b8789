/// The name that a tensor has in every checkpoint, whoever wrote it: without `bert.`, and with
/// `weight` and `bias` where old checkpoints say `gamma` and `beta`. `None` for the buffers of
/// positions, which are no parameters.
///
/// # Examples
///
/// ```
/// use bertune_checkpoint::canonical_name;
///
/// let old = canonical_name("bert.embeddings.LayerNorm.gamma");
/// assert_eq!(old.as_deref(), Some("embeddings.LayerNorm.weight"));
/// assert_eq!(canonical_name("embeddings.position_ids"), None);
/// ```
pub fn canonical_name(name: &str) -> Option<String> {
    let name = name.strip_prefix("module.").unwrap_or(name);
    let name = name.strip_prefix("bert.").unwrap_or(name);
    if name.ends_with("position_ids") || name.ends_with("embeddings.token_type_ids") {
        return None;
    }
    let renamed = [("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias")]
        .into_iter()
        .find_map(|(old, new)| Some(format!("{}{new}", name.strip_suffix(old)?)));
    Some(renamed.unwrap_or_else(|| name.to_owned()))
}

/// The Hugging Face name of a parameter of a bertune module, from its path of field names.
///
/// They are the same but for the names that Rust cannot or would not spell.
///
/// # Examples
///
/// ```
/// use bertune_checkpoint::hugging_face_name;
///
/// let name = hugging_face_name("attention.self_attention.query.weight");
/// assert_eq!(name, "attention.self.query.weight");
/// ```
pub fn hugging_face_name(path: &str) -> String {
    let segments = path.split('.').filter_map(|segment| match segment {
        "self_attention" => Some("self"),
        "layer_norm" => Some("LayerNorm"),
        // In checkpoints, the factors of a low-rank change stand beside the weight that they change.
        "low_rank" => None,
        "lora_a" => Some("lora_A"),
        "lora_b" => Some("lora_B"),
        other => Some(other),
    });
    segments.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, canonical: Option<&str>) {
        assert_eq!(canonical_name(name).as_deref(), canonical, "{name}");
    }

    #[test]
    fn checkpoints_of_all_ages_agree_on_names() {
        let query = Some("encoder.layer.0.attention.self.query.weight");
        check("bert.encoder.layer.0.attention.self.query.weight", query);
        check("encoder.layer.0.attention.self.query.weight", query);
        check("module.bert.encoder.layer.0.attention.self.query.weight", query);
        check("bert.embeddings.LayerNorm.beta", Some("embeddings.LayerNorm.bias"));
        check("classifier.weight", Some("classifier.weight"));
        check("cls.predictions.bias", Some("cls.predictions.bias"));
        check("mixer.gamma", Some("mixer.gamma"));
    }

    #[test]
    fn buffers_have_no_name() {
        check("embeddings.position_ids", None);
        check("bert.embeddings.position_ids", None);
        check("bert.embeddings.token_type_ids", None);
        check(
            "bert.embeddings.token_type_embeddings.weight",
            Some("embeddings.token_type_embeddings.weight"),
        );
    }

    #[test]
    fn paths_of_fields_become_names_of_the_hub() {
        let path = "bert.encoder.layer.0.attention.output.layer_norm.weight";
        let name = "bert.encoder.layer.0.attention.output.LayerNorm.weight";
        assert_eq!(hugging_face_name(path), name);
        let path = "bert.pooler.dense.low_rank.lora_a.weight";
        assert_eq!(hugging_face_name(path), "bert.pooler.dense.lora_A.weight");
    }
}
