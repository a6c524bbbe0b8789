use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Parser};

use crate::Program;
use crate::command_line::as_typed;
use crate::device::default_name;
use crate::learning::refuse_file;
use crate::model::BOXED;

const AFTER_HELP: &str = "\
It needs no network: the model and the messages are inside this program. Each step is a command of
the program, which is shown before it runs.";

/// The flags of `demo`.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DemoArgs {
    /// The folder of all that the demo writes.
    #[arg(long, value_name = "FOLDER", default_value = "bertune-demo")]
    output: PathBuf,
    /// Do it anew in the folder of an earlier demo.
    #[arg(long)]
    overwrite: bool,
    /// How often each way to train is repeated in the comparison.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// What to compute on; `bertune devices` lists them.
    #[arg(long)]
    device: Option<String>,
}

/// Messages of customers, each with what it is about.
const MESSAGES: [(&str, &str); 3] = [
    ("train", include_str!("../../../data/support/train.csv")),
    ("validation", include_str!("../../../data/support/validation.csv")),
    ("test", include_str!("../../../data/support/test.csv")),
];

/// Of the comparison. With fewer steps the model from scratch would not have begun to learn.
const COMPARISON: &str = "--methods scratch,full --sizes 256 --epochs 10 --evaluations 5 --quiet";

/// What the new classifier is asked in the end.
const QUESTIONS: [&str; 3] = [
    "I was charged twice for the same order, please give me one of them back",
    "the app closes itself as soon as I open the settings page",
    "Could you tell me where my parcel is? It should have come on Monday",
];

/// Fine-tunes the boxed model on messages of customers, and shows what its pretraining brings.
pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let demo = Demo::new(args)?;
    let steps = [
        (
            "Fine-tune the boxed model on messages of customers, each about one of 8 matters, and \
             measure it on 160 that it has not seen",
            demo.training("train", "", "classifier"),
        ),
        (
            "What does pretraining bring? The same with 256 messages and several seeds, and beside \
             it the same architecture from scratch",
            demo.training("compare", &format!("{COMPARISON} --seeds {}", args.seeds), "comparison"),
        ),
        ("Ask the classifier", demo.questions()),
    ];
    for (number, (what, words)) in steps.into_iter().enumerate() {
        outln!("\n{}. {what}\n\n$ {}\n", number + 1, as_typed(words.clone()));
        let program = std::iter::once("bertune").chain(words.iter().map(String::as_str));
        let code = Program::try_parse_from(program)?.command.run()?;
        if code != ExitCode::SUCCESS {
            return Ok(code);
        }
    }
    demo.say_what_next();
    Ok(ExitCode::SUCCESS)
}

/// Where the demo happens.
struct Demo {
    folder: PathBuf,
    device: String,
}

impl Demo {
    /// The demo, with its messages as files.
    fn new(args: &DemoArgs) -> anyhow::Result<Self> {
        let device = args.device.clone().unwrap_or_else(default_name);
        crate::device::check(&device)?;
        let demo = Self { folder: args.output.clone(), device };
        refuse_file(&demo.folder)?;
        demo.check_folder(args.overwrite)?;
        for (part, text) in MESSAGES {
            write(&demo.messages(part), text)?;
        }
        Ok(demo)
    }

    /// Refuses a folder that holds anything, but for that of an earlier demo if that is to be
    /// overwritten.
    fn check_folder(&self, overwrite: bool) -> anyhow::Result<()> {
        let folder = self.folder.display();
        let mut entries = std::fs::read_dir(&self.folder).into_iter().flatten();
        if entries.next().is_none() {
            return Ok(());
        }
        if !overwrite {
            bail!(
                "{folder} holds files already; say --overwrite if they are an earlier demo's, or \
                 name another --output"
            );
        }
        let is_demos = |(part, text): (&str, &str)| {
            std::fs::read(self.messages(part)).is_ok_and(|found| found == text.as_bytes())
        };
        if !MESSAGES.into_iter().all(is_demos) {
            bail!(
                "{folder} holds no earlier demo with the messages of this one, so it is not replaced; \
                 name another --output"
            );
        }
        Ok(())
    }

    fn messages(&self, part: &str) -> PathBuf {
        self.folder.join("messages").join(format!("{part}.csv"))
    }

    /// The words of a command that trains on the messages.
    fn training(&self, command: &str, settings: &str, output: &str) -> Vec<String> {
        let mut words = [command, "--model", BOXED].map(str::to_owned).to_vec();
        for (part, _) in MESSAGES {
            words.push(format!("--{part}"));
            words.push(self.messages(part).display().to_string());
        }
        words.extend(settings.split_whitespace().map(str::to_owned));
        words.extend(["--device".into(), self.device.clone(), "--output".into()]);
        words.extend([self.folder.join(output).display().to_string(), "--overwrite".into()]);
        words
    }

    fn questions(&self) -> Vec<String> {
        let classifier = self.folder.join("classifier").display().to_string();
        let words = ["predict".into(), "--model".into(), classifier, "--device".into()];
        let questions = QUESTIONS.map(str::to_owned);
        words.into_iter().chain([self.device.clone()]).chain(questions).collect()
    }

    fn say_what_next(&self) {
        let folder = self.folder.display();
        outln!(
            "\nThe classifier is {folder}/classifier, a folder that Python's transformers opens too.\n\
             The comparison, with pictures: {folder}/comparison/index.html\n\n\
             Where the shell finds no bertune: cargo install --path crates/bertune-cli, or write \
             cargo run --release -- in place of bertune.\n\n\
             Try next:\n\
             - another message:\n    bertune predict --model {folder}/classifier \"where is my \
             refund?\"\n\
             - your own texts, a file with the columns text and label:\n    bertune train --model \
             boxed --train FILE --output FOLDER\n\
             - a larger model, from the Hugging Face hub:\n    bertune train --model \
             google-bert/bert-base-uncased --train FILE --output FOLDER\n\
             - what the model learned from text alone:\n    bertune fill-mask --model boxed \
             \"the parcel did not [MASK] yet\""
        );
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(path);
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, text));
    written.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_earlier_demos_folder_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let demo = Demo { folder: folder.path().join("demo"), device: default_name() };
        assert!(demo.check_folder(false).is_ok());
        MESSAGES.into_iter().for_each(|(part, text)| write(&demo.messages(part), text).unwrap());
        assert!(demo.check_folder(false).is_err() && demo.check_folder(true).is_ok());
        write(&demo.messages("train"), "text,label\n").unwrap();
        assert!(demo.check_folder(true).is_err());
    }
}
