//! The tokenizer alone: ids, segments and where each token stands in the text.

use bertune::tokenize::{BertTokenizer, Limits, TextInput};

fn main() -> anyhow::Result<()> {
    let folder = bertune_examples::model_folder()?;
    let tokenizer = BertTokenizer::from_folder(&folder)?;
    let (question, answer) = ("Where is my parcel?", "It left Zürich this morning.");
    let encoding = tokenizer.encode(TextInput::from((question, answer)), Limits::default())?;

    for (i, &id) in encoding.input_ids.iter().enumerate() {
        let segment = encoding.token_type_ids[i];
        let (start, end) = encoding.offsets[i];
        let text = if segment == 0 { question } else { answer };
        let piece: String = text.chars().skip(start).take(end - start).collect();
        let token = tokenizer.token(id).unwrap_or_default();
        println!("{i:>3}  {id:>6}  {segment}  {token:<12} {piece}");
    }
    Ok(())
}
