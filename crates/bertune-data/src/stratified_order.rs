use std::collections::BTreeMap;

use crate::random::shuffle;

/// All rows in an order whose beginnings are stratified: however many of the first rows are taken,
/// each class has about its share of them, and at least one row as soon as there is room for one
/// of each. Shorter beginnings are parts of longer ones. A pure function of the labels and the
/// seed.
///
/// # Examples
///
/// ```
/// use bertune_data::stratified_order;
///
/// let labels = [0, 0, 0, 0, 0, 0, 1, 1, 1];
/// let order = stratified_order(&labels, 1);
/// let ones = |rows: &[usize]| rows.iter().filter(|&&row| labels[row] == 1).count();
/// assert_eq!((ones(&order[..3]), ones(&order[..6]), ones(&order)), (1, 2, 3));
/// ```
pub fn stratified_order(labels: &[usize], seed: u64) -> Vec<usize> {
    let mut classes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, &class) in labels.iter().enumerate() {
        classes.entry(class).or_default().push(row);
    }
    let mut places: Vec<Place> = classes.iter().flat_map(|class| places(class, seed)).collect();
    places.sort_by(|a, b| {
        let by_turn = b.is_first.cmp(&a.is_first).then(a.share.total_cmp(&b.share));
        by_turn.then(a.class.cmp(&b.class))
    });
    places.into_iter().map(|place| place.row).collect()
}

/// Where a row stands among those of its class.
struct Place {
    row: usize,
    class: usize,
    is_first: bool,
    /// The share of its class that has come when half of it has.
    share: f64,
}

fn places((&class, rows): (&usize, &Vec<usize>), seed: u64) -> Vec<Place> {
    let order = shuffle(rows.len(), seed, class as u64).into_iter().enumerate();
    let share = |i: usize| (i as f64 + 0.5) / rows.len() as f64;
    order.map(|(i, at)| Place { row: rows[at], class, is_first: i == 0, share: share(i) }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_beginning_is_stratified(
            labels in prop::collection::vec(0usize..5, 1..200),
            seed: u64,
        ) {
            let order = stratified_order(&labels, seed);
            let mut all = order.clone();
            all.sort_unstable();
            prop_assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
            let of = |class: usize, rows: &[usize]| {
                rows.iter().filter(|&&row| labels[row] == class).count()
            };
            let there: Vec<usize> = (0..5).filter(|&class| labels.contains(&class)).collect();
            for end in 1..=labels.len() {
                let taken = &order[..end];
                for &class in &there {
                    let count = of(class, taken);
                    prop_assert!(end < there.len() || count > 0, "{class} is in the first {end}");
                    let exact = end as f64 * of(class, &order) as f64 / labels.len() as f64;
                    // The first rows of rare classes come before their turn.
                    let slack = there.len() as f64;
                    prop_assert!((count as f64 - exact).abs() <= slack, "{count} {exact}");
                }
            }
        }
    }

    /// This order is an interface: a comparison that goes on depends on it.
    #[test]
    fn the_order_never_changes() {
        let labels = [0, 0, 0, 0, 0, 0, 1, 1, 1, 2];
        assert_eq!(stratified_order(&labels, 1), [4, 8, 9, 2, 3, 7, 5, 0, 6, 1]);
        assert_ne!(stratified_order(&labels, 1), stratified_order(&labels, 2));
    }
}
