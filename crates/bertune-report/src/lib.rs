//! What a comparison of ways to train found: in words, as a table, as SVG pictures and on one HTML
//! page that needs nothing else.
//!
//! A [`Comparison`] holds the numbers. [`findings`] says what they show and no more than that,
//! [`results`] is the table, [`learning_curves`], [`scores_by_size`] and [`gaps`] are the pictures,
//! and [`comparison_page`] puts them together. [`Page`], [`Table`] and [`Figure`] serve any other
//! page. Nothing here knows a tensor, a file or a clock.

mod axis;
mod budget;
mod comparison;
mod comparison_page;
mod figure;
mod findings;
mod gaps;
mod learning_curves;
mod legend;
mod marks;
mod markup;
mod numbers;
mod page;
mod plot;
mod reached;
mod resolution;
mod results;
mod scores_by_size;
mod table;

pub use comparison::{Cell, Comparison, CurvePoint, Failure, Method, Size};
pub use comparison_page::comparison_page;
pub use figure::Figure;
pub use findings::{Finding, findings};
pub use gaps::gaps;
pub use learning_curves::learning_curves;
pub use page::{Block, Page};
pub use reached::Reached;
pub use results::results;
pub use scores_by_size::scores_by_size;
pub use table::Table;
