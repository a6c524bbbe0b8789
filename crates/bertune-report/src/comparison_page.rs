use crate::numbers::{count, list, of};
use crate::{Block, Comparison, Page, findings, gaps, learning_curves, results, scores_by_size};

/// The page of a comparison: what was found, the table, the pictures, and how to do it again.
pub fn comparison_page(comparison: &Comparison) -> Page {
    let pictures = [
        Block::Table(results(comparison)),
        Block::Figure(scores_by_size(comparison)),
        Block::Figure(learning_curves(comparison)),
        Block::Figure(gaps(comparison)),
    ];
    let mut pictures = pictures.into_iter();
    // Each answer with the picture of it; the last one, on trust, has none.
    let told = findings(comparison)
        .into_iter()
        .flat_map(|finding| [Some(Block::Finding(finding)), pictures.next()].into_iter().flatten());
    let mut blocks: Vec<Block> = told.collect();
    blocks.push(Block::Heading("What was compared".into()));
    blocks.push(Block::Paragraph(setting(comparison)));
    blocks.push(Block::Terms(methods(comparison)));
    blocks.push(Block::Heading("How to do it again".into()));
    blocks.push(Block::Command(comparison.command.clone()));
    Page { title: title(comparison), lead: lead(comparison), blocks, footer: footer(comparison) }
}

fn title(comparison: &Comparison) -> String {
    match comparison.reference() {
        Some(_) => "Is fine-tuning transfer learning?".into(),
        None => "Ways to fine-tune, compared".into(),
    }
}

fn lead(comparison: &Comparison) -> String {
    let (model, data) = (&comparison.model, &comparison.data);
    match comparison.reference() {
        Some(_) => format!(
            "If what {model} learned on other text carries over to {data}, then starting from its \
             weights must beat starting from new ones in the same architecture: better scores, \
             fewer steps, less overfitting. Here is what was measured."
        ),
        None => format!("{model} on {data}, trained in several ways."),
    }
}

/// What was the same for all.
fn setting(comparison: &Comparison) -> String {
    let steps = comparison
        .sizes
        .iter()
        .map(|size| format!("{} with {}", of(size.steps, "step"), of(size.examples, "example")));
    let steps: Vec<_> = steps.collect();
    let test = comparison.test_examples.map_or_else(String::new, |rows| {
        format!(" The best model by these is measured on {}.", of(rows, "test row"))
    });
    let seeds: Vec<_> = comparison.seeds.iter().map(u64::to_string).collect();
    format!(
        "Each method learns from the same rows, and takes {}{}. The rows are drawn by class and \
         seed ({}), and those of a smaller size are among those of a larger one. Curves are \
         measured on {}.{test} The score on training rows is measured without dropout, on {} of \
         them at most.",
        list(&steps),
        comparison.shorter_runs(),
        list(&seeds),
        of(comparison.validation_examples, "validation row"),
        count(comparison.train_sample)
    )
}

fn methods(comparison: &Comparison) -> Vec<(String, String)> {
    let methods = comparison.methods.iter();
    let told = methods.map(|method| {
        let name = format!("{} ({})", method.label, method.name);
        (name, format!("{} {}", method.description, method.settings))
    });
    told.collect()
}

fn footer(comparison: &Comparison) -> String {
    format!("Made by {}. The numbers are in comparison.json beside this page.", comparison.program)
}
