//! Prediction stands on no optimizer and no autodiff, however far down.

use super::house::House;

const FORBIDDEN: [&str; 4] = ["burn-optim", "burn-autodiff", "burn-train", "bertune-train"];

/// The forbidden packages below bertune-predict.
pub(crate) fn faults(house: &House) -> Vec<String> {
    let below = house.below_predict.iter().filter(|name| FORBIDDEN.contains(&name.as_str()));
    below
        .map(|name| {
            format!(
                "crates/bertune-predict: {name} is below it; \
                 `cargo tree -p bertune-predict -e normal -i {name}` says through whom"
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(names: &[&str]) -> House {
        let below_predict = names.iter().map(|name| name.to_string()).collect();
        House { below_predict, ..House::default() }
    }

    #[test]
    fn an_optimizer_below_predict_is_found() {
        assert!(faults(&below(&["bertune-predict", "burn-core", "burn-tensor"])).is_empty());
        let found = faults(&below(&["burn-core", "burn-optim"]));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("crates/bertune-predict: burn-optim is below it"));
    }
}
