//! What users read when something is wrong: one snapshot of messages and exit codes. Some name the
//! devices, those of the default build.

#![cfg(not(any(feature = "ndarray", feature = "wgpu", feature = "cuda")))]
#![expect(clippy::expect_used, reason = "tests")]

mod common;

use std::fmt::Write;

use common::Place;

/// A case: what is wrong, how to make it so, and the command.
type Case = (&'static str, fn(&Place), &'static str);

const TRAIN: &str = "train --model model --train t.csv --output out --epochs 1";

fn nothing(_: &Place) {}

fn table(name: &'static str, content: &'static [u8]) -> impl Fn(&Place) {
    move |place| place.write(name, content)
}

/// Changes one file of the model by replacing text.
fn edit(place: &Place, file: &str, from: &str, to: &str) {
    let text = String::from_utf8(place.read(file)).expect("text");
    assert!(text.contains(from), "{file} has {from}");
    place.write(file, text.replace(from, to));
}

/// Changes names in the model's weights, by others of the same length.
fn edit_weights(place: &Place, from: &str, to: &str) {
    edit_names(place, "model/model.safetensors", from, to);
}

/// Changes names in a file of weights, by others of the same length.
fn edit_names(place: &Place, file: &str, from: &str, to: &str) {
    let mut bytes = place.read(file);
    let places: Vec<_> = (0..bytes.len() - from.len())
        .filter(|&i| &bytes[i..i + from.len()] == from.as_bytes())
        .collect();
    assert!(!places.is_empty(), "the weights have {from}");
    for i in places {
        bytes[i..i + from.len()].copy_from_slice(to.as_bytes());
    }
    place.write(file, bytes);
}

/// Makes the last weight of the model no number.
fn write_not_a_number(place: &Place) {
    let mut bytes = place.read("model/model.safetensors");
    let end = bytes.len() - 4;
    bytes[end..].copy_from_slice(&f32::NAN.to_le_bytes());
    place.write("model/model.safetensors", bytes);
}

macro_rules! cases {
    ($($what:literal, $prepare:expr, $command:expr;)*) => {
        [$(($what, (|place: &Place| ($prepare)(place)) as fn(&Place), $command)),*]
    };
}

fn cases() -> Vec<Case> {
    let files = cases! {
        "a file that is not there", nothing, TRAIN;
        "an empty file", table("t.csv", b""), TRAIN;
        "only a header", table("t.csv", b"text,label\n"), TRAIN;
        "a folder for a file", |p: &Place| p.write("t.csv/x", "x"), TRAIN;
        "a column that is not there", table("t.csv", b"text,label\na,1\nb,0\n"), "train --model model --train t.csv --output out --text txt";
        "a column number out of range", table("t.csv", b"text,label\na,1\nb,0\n"), "train --model model --train t.csv --output out --label 7";
        "columns that cannot be guessed", table("t.csv", b"a,b,c\nx,y,z\n"), TRAIN;
        "one column for two roles", table("t.csv", b"text,label\na,1\nb,0\n"), "train --model model --train t.csv --output out --text label --label label";
        "a ragged row", table("t.csv", b"text,label\na,1\nb,c,0\n"), TRAIN;
        "invalid UTF-8", table("t.csv", b"text,label\na,1\ncaf\xe9,0\n"), TRAIN;
        "a missing label", table("t.csv", b"text,label\na,1\nb,\n"), TRAIN;
        "an empty text", table("t.csv", b"text,label\na,1\n\"\",0\n"), TRAIN;
        "an empty text column", table("t.csv", b"text,label\n,1\n,0\n"), TRAIN;
        "one class only", table("t.csv", b"text,label\na,1\nb,1\n"), TRAIN;
        "the wrong delimiter", table("t.csv", b"text;label\na;1\nb;0\n"), TRAIN;
        "an open quote", table("t.csv", b"text,label\n\"a,1\nb,0\n"), TRAIN;
        "a parquet file", table("t.csv", b"PAR1\x15\x04"), TRAIN;
        "an unknown extension", table("t.dat", b"a\t1\nb\t0\n"), "train --model model --train t.dat --output out";
        "parquet without the column", |p: &Place| p.write("t.parquet", include_bytes!("../../bertune-data/tests/goldens/zstd.parquet")), "train --model model --train t.parquet --output out --text review";
        "JSON that is none", table("t.jsonl", b"{\"text\": \"a\", \"label\": 1}\n{\"text\": }\n"), "train --model model --train t.jsonl --output out";
        "JSON without the key", table("t.jsonl", b"{\"body\": \"a\", \"label\": 1}\n"), "train --model model --train t.jsonl --output out --text text";
        "a validation label that training never had", |p: &Place| { p.write("t.csv", "text,label\na,1\nb,0\n"); p.write("v.csv", "text,label\na,2\n"); }, "train --model model --train t.csv --validation v.csv --output out";
        "text and label swapped", |p: &Place| p.write("t.csv", format!("text,label\n{}", (0..40).map(|i| format!("{},word {i}\n", i % 2)).collect::<String>())), TRAIN;
        "a file of bytes that are no text", table("t.csv", b"text,label\na\0b,1\nc,0\n"), TRAIN;
        "no label column to evaluate on", table("t.csv", b"text,other\na,1\nb,0\n"), "evaluate --model model --data t.csv";
        "no rows to classify", table("t.csv", b"text\n"), "predict --model model --file t.csv";
        "pairs to measure single texts on", table("v.csv", b"text,text_pair,label\na,b,pos\n"), "train --model model --train train.csv --validation v.csv --output out";
        "single texts to test pairs on", table("t.csv", b"text,text_pair,label\na,b,pos\nb,a,neg\n"), "train --model model --train t.csv --validation t.csv --test train.csv --output out";
        "pairs to compare on that single texts are learned from", table("v.csv", b"text,text_pair,label\na,b,pos\n"), "compare --model model --train train.csv --validation v.csv --output out";
        "a file that is named twice", nothing, "train --model model --train train.csv ./train.csv --output out";
        "too few rows to split", table("t.csv", b"text,label\na,1\nb,0\n"), TRAIN;
    };
    let models = cases! {
        "no model folder", nothing, "train --model ./nowhere --train train.csv --output out";
        "a hub model that is not in the cache", nothing, "train --model someone/some-bert --offline --train train.csv --output out";
        "another architecture", |p: &Place| edit(p, "model/config.json", "\"bert\"", "\"roberta\""), "train --model model --train train.csv --output out";
        "a broken config.json", |p: &Place| p.write("model/config.json", "{\n  \"hidden_size\": 16,,\n}"), "train --model model --train train.csv --output out";
        "heads that do not divide the width", |p: &Place| edit(p, "model/config.json", "\"num_attention_heads\": 2", "\"num_attention_heads\": 3"), "train --model model --train train.csv --output out";
        "no weights", |p: &Place| std::fs::remove_file(p.path("model/model.safetensors")).expect("removed"), "train --model model --train train.csv --output out";
        "truncated weights", |p: &Place| { let w = p.read("model/model.safetensors"); p.write("model/model.safetensors", &w[..w.len() / 2]); }, "train --model model --train train.csv --output out";
        "a hostile header", |p: &Place| p.write("model/model.safetensors", [u64::MAX.to_le_bytes().as_slice(), b"{}"].concat()), "train --model model --train train.csv --output out";
        "a pickle that would run code", |p: &Place| { std::fs::remove_file(p.path("model/model.safetensors")).expect("removed"); p.write("model/pytorch_model.bin", b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R."); }, "train --model model --train train.csv --output out";
        "a wrong shape", |p: &Place| edit(p, "model/config.json", "\"intermediate_size\": 32", "\"intermediate_size\": 48"), "train --model model --train train.csv --output out";
        "missing tensors", |p: &Place| edit(p, "model/config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"), "train --model model --train train.csv --output out";
        "no tokenizer", |p: &Place| std::fs::remove_file(p.path("model/vocab.txt")).expect("removed"), "train --model model --train train.csv --output out";
        "a broken tokenizer.json", |p: &Place| p.write("model/tokenizer.json", "{\"model\": [}"), "train --model model --train train.csv --output out";
        "a tokenizer of another model", |p: &Place| { let v = p.read("model/vocab.txt"); p.write("model/vocab.txt", [b"x1\nx2\n".as_slice(), &v].concat()); }, "predict --model model 'a film'";
        "a maximum length beyond the model's positions", nothing, "train --model model --train train.csv --output out --max-length 200";
        "weights that are no numbers", |p: &Place| write_not_a_number(p), "predict --model model 'a film'";
        "an encoder without a classifier", |p: &Place| edit_weights(p, "classifier.", "cls.predic."), "predict --model model 'a film'";
        "a folder that is no model", |p: &Place| p.write("docs/notes.txt", "x"), "predict --model docs 'a film'";
        "a label that the model does not have", table("t.csv", b"text,label\ngood,pos\nbad,meh\n"), "evaluate --model model --data t.csv";
    };
    let settings = cases! {
        "an unknown device", nothing, "train --model model --train train.csv --output out --device tpu";
        "a device that is not compiled in", nothing, "train --model model --train train.csv --output out --device cuda:1";
        "an output that cannot be written", |p: &Place| p.write("file", "x"), "train --model model --train train.csv --output file/out";
        "an output that is a file", |p: &Place| p.write("out", "x"), "train --model model --train train.csv --output out";
        "an output that holds a model", |p: &Place| p.write_model("out"), "train --model model --train train.csv --output out";
        "an output that holds what is read", |p: &Place| { p.write_model("out"); p.write("out/t.csv", "text,label\na,1\nb,0\n"); }, "train --model model --train out/t.csv --output out --overwrite";
        "an output that is the model", nothing, "train --model model --train train.csv --output model --overwrite";
        "an output that holds other files", |p: &Place| p.write("out/thesis.txt", "x"), "train --model model --train train.csv --output out --overwrite";
        "nothing given", nothing, "train";
        "broken TOML", |p: &Place| p.write("c.toml", "model = \"m\"\ntrain = \n"), "train --config c.toml";
        "an unknown setting", |p: &Place| p.write("c.toml", "[training]\nepoch = 3\n"), "train --config c.toml";
        "a setting of the wrong type", |p: &Place| p.write("c.toml", "[training]\nepochs = \"three\"\n"), "train --config c.toml";
        "a configuration that is not there", nothing, "train --config c.toml";
        "a setting out of range", nothing, "train --model model --train train.csv --output out --warmup-ratio 1.5";
        "a negative rate", nothing, "train --model model --train train.csv --output out --learning-rate -1";
        "a batch size of 0", nothing, "train --model model --train train.csv --output out --batch-size 0";
        "a flag that another one needs", nothing, "train --model model --train train.csv --output out --min-gain 0.01";
        "a floor under a rate that does not fall", nothing, "train --model model --train train.csv --output out --schedule constant --floor 0.1";
        "epochs beside steps", nothing, "train --model model --train train.csv --output out --epochs 2 --max-steps 5";
        "a batch by examples and by tokens", nothing, "train --model model --train train.csv --output out --batch-size 8 --tokens-per-batch 64";
        "two lengths of the warm-up", nothing, "train --model model --train train.csv --output out --warmup-ratio 0.1 --warmup-steps 5";
        "weights of classes that are no JSON", nothing, "train --model model --train train.csv --output out --class-weights {pos:2}";
        "a validation share that nothing is taken by", nothing, "train --model model --train train.csv --validation train.csv --output out --validation-fraction 0.2";
        "flags of a file without one", nothing, "predict --model model --text body 'a film'";
        "a column of weights without its rule", table("s.csv", b"text,label,w\na,pos,1\n"), "train --model model --train train.csv --output out --source s.csv --source-weight-column w";
        "a validation share out of range", nothing, "train --model model --train train.csv --output out --validation-fraction 1";
        "a maximum length that holds nothing", nothing, "train --model model --train train.csv --output out --max-length 1";
        "a longer prediction than the model takes", nothing, "predict --model model 'a film' --max-length 200";
        "an unknown flag value", nothing, "train --model model --train train.csv --output out --optimizer adagrad";
        "an interval in no words", nothing, "train --model model --train train.csv --output out --evaluate-every often";
        "an unknown metric", nothing, "train --model model --train train.csv --output out --metric f1";
        "a metric of numbers", nothing, "train --model model --train train.csv --output out --metric pearson";
        "a group without a rate", nothing, "train --model model --train train.csv --output out --group pooler";
        "a pattern that matches nothing", nothing, "train --model model --train train.csv --output out --freeze layer.7";
        "a pattern that is none", nothing, "train --model model --train train.csv --output out --freeze '('";
        "more frozen layers than there are", nothing, "train --model model --train train.csv --output out --freeze-layers 7";
        "everything frozen", nothing, "train --model model --train train.csv --output out --freeze .";
        "a weight of a class that does not exist", nothing, "train --model model --train train.csv --output out --class-weights pos=2,neutral=1";
        "a negative class weight", nothing, "train --model model --train train.csv --output out --class-weights pos=-2";
        "class weights in no words", nothing, "train --model model --train train.csv --output out --class-weights balanced";
        "label smoothing of everything", nothing, "train --model model --train train.csv --output out --label-smoothing 1";
        "a floor above the peak", nothing, "train --model model --train train.csv --output out --floor 2";
        "no patience", nothing, "train --model model --train train.csv --output out --patience 0";
        "more new layers than there are", nothing, "train --model model --train train.csv --output out --reinit-layers 7";
        "dropout of everything", nothing, "train --model model --train train.csv --output out --hidden-dropout 1";
        "a time in no words", nothing, "train --model model --train train.csv --output out --max-time soon";
        "one seed", nothing, "train --model model --train train.csv --output out --seeds 1";
        "more seeds than anybody has time for", nothing, "train --model model --train train.csv --output out --seeds 10000000000";
        "seeds in a folder of other files", |p: &Place| p.write("out/notes.txt", "x"), "train --model model --train train.csv --output out --seeds 2";
        "a single row to compare models on", table("t.csv", b"text,label\ngood film,pos\n"), "compare-runs model model --data t.csv";
        "a run to replay that is not there", nothing, "replay out/run.json --output again";
        "a number that is none", table("t.csv", b"text,label\na,0.5\nb,nan\nc,1\n"), "train --model model --train t.csv --targets values --output out";
        "a label of another type than the model's", table("t.csv", b"text,label\na,0.5\nb,1\n"), "evaluate --model model --data t.csv --targets values";
        "a run to resume that is not there", nothing, "resume out";
        "a delimiter of two characters", nothing, "train --model model --train train.csv --output out --delimiter ;;";
        "an unknown device for a prediction", nothing, "predict --model model 'a film' --device gpu";
        "a threshold out of range", nothing, "predict --model model 'a film' --threshold 1.5";
        "a threshold for a model of one class", nothing, "predict --model model 'a film' --threshold 0.5";
        "thresholds of another number of classes", |p: &Place| edit(p, "model/config.json", "\"architectures\"", "\"bertune_thresholds\": [0.5], \"architectures\""), "predict --model model 'a film'";
        "a kept threshold out of range", |p: &Place| edit(p, "model/config.json", "\"architectures\"", "\"bertune_thresholds\": [0.5, -1], \"architectures\""), "predict --model model 'a film'";
        "a temperature that is none", |p: &Place| edit(p, "model/config.json", "\"architectures\"", "\"bertune_temperature\": 0, \"architectures\""), "predict --model model 'a film'";
        "a metric of numbers for a model of classes", nothing, "evaluate --model model --data train.csv --metric pearson";
        "a precision that is none", nothing, "train --model model --train train.csv --output out --precision f16";
        "a temperature for sets", table("t.csv", b"text,labels\na,x;y\nb,x\nc,y\n"), "train --model model --train t.csv --validation t.csv --targets set --calibrate --output out";
        "windows that do not move on", nothing, "train --model model --train train.csv --output out --max-length 8 --stride 6";
        "windows of pairs", table("t.csv", b"text,text_pair,label\na,b,1\nb,a,0\n"), "train --model model --train t.csv --validation t.csv --output out --stride 2";
        "a token cache that is a file", |p: &Place| p.write("cache", "x"), "train --model model --train train.csv --output out --token-cache cache";
        "a source with other labels", table("s.csv", b"text,label\na good film,pos\na film,neutral\n"), "train --model model --train train.csv --output out --source s.csv";
        "a source that is not there", nothing, "train --model model --train train.csv --output out --source s.csv";
        "a source that is the file to learn from", nothing, "train --model model --train train.csv --output out --source ./train.csv";
        "a source that is measured on", |p: &Place| p.write("v.csv", p.read("train.csv")), "train --model model --train train.csv --validation v.csv --output out --source v.csv";
        "a source of pairs", table("s.csv", b"text,text_pair,label\na,b,pos\n"), "train --model model --train train.csv --output out --source s.csv";
        "a source of sets of labels", table("s.jsonl", b"{\"text\": \"a\", \"label\": [\"pos\"]}\n"), "train --model model --train train.csv --output out --source s.jsonl";
        "an unknown weighting of sources", table("s.csv", b"text,label\na,pos\n"), "train --model model --train train.csv --output out --source s.csv --source-weights boost";
        "weights of a column that is not named", table("s.csv", b"text,label\na,pos\n"), "train --model model --train train.csv --output out --source s.csv --source-weights column";
        "weights of a column that is not there", table("s.csv", b"text,label\na,pos\n"), "train --model model --train train.csv --output out --source s.csv --source-weights column --source-weight-column worth";
        "a weight of a source that is none", table("s.csv", b"text,label,worth\na,pos,much\n"), "train --model model --train train.csv --output out --source s.csv --source-weights column --source-weight-column worth";
        "a negative weight of sources", table("s.csv", b"text,label\na,pos\n"), "train --model model --train train.csv --output out --source s.csv --source-weight -1";
        "a weight of sources of nothing", table("s.csv", b"text,label\na,pos\n"), "train --model model --train train.csv --output out --source s.csv --source-weight 0";
        "a source of which no row counts", table("s.csv", b"text,label,worth\na,pos,0\nb,neg,0\n"), "train --model model --train train.csv --output out --source s.csv --source-weights column --source-weight-column worth";
        "a source that is named twice", table("s.csv", b"text,label\na,pos\n"), "train --model model --train train.csv --output out --source s.csv ./s.csv";
        "a column of sources that is not there", table("s.csv", b"text,label\na,pos\n"), "train --model model --train train.csv --output out --source s.csv --source-text body";
        "a comparison with the target without a source", nothing, "train --model model --train train.csv --output out --source-check none";
        "a source in a file of settings without files", |p: &Place| p.write("c.toml", "[source]\ncheck = \"none\"\n"), "train --config c.toml --model model --train train.csv --output out";
        "weights of sources without a source", nothing, "train --model model --train train.csv --output out --source-weights domain";
        "an unknown comparison of sources", nothing, "train --model model --train train.csv --output out --source s.csv --source-check yes";
        "no text to learn from", nothing, "pretrain --output out";
        "text that is not there", nothing, "pretrain --text wiki.txt --output out";
        "text without a word", table("wiki.txt", b"\n \n\n"), "pretrain --text wiki.txt --validation wiki.txt --output out";
        "text without a word and none to measure on", table("wiki.txt", b"\n \n\n"), "pretrain --text wiki.txt --output out";
        "text of marks alone", table("wiki.txt", b"!!! ???\n"), "pretrain --text wiki.txt --validation wiki.txt --output out";
        "text of which the tokenizer knows no word", table("wiki.txt", b"xyz qrs\n"), "pretrain --model model --text wiki.txt --validation wiki.txt --output out";
        "text that is not UTF-8", table("wiki.txt", b"a word\nand \xff\n"), "pretrain --text wiki.txt --validation wiki.txt --output out";
        "one document and none to measure on", table("wiki.txt", b"a word and a word and a word\n"), "pretrain --text wiki.txt --output out";
        "a vocabulary without room", table("wiki.txt", b"a word and a word\n"), "pretrain --text wiki.txt --validation wiki.txt --vocab-size 4 --output out";
        "sequences without room", table("wiki.txt", b"a word and a word\n"), "pretrain --text wiki.txt --validation wiki.txt --max-length 2 --output out";
        "sequences longer than the model takes", table("wiki.txt", b"a word\n"), "pretrain --model model --text wiki.txt --validation wiki.txt --max-length 500 --output out";
        "a tokenizer beside a model", table("wiki.txt", b"a word\n"), "pretrain --model model --tokenizer model --text wiki.txt --output out";
        "a tokenizer that hides nothing", |p: &Place| { p.write("wiki.txt", "a film"); edit(p, "model/vocab.txt", "[MASK]", "mask") }, "pretrain --tokenizer model --text wiki.txt --validation wiki.txt --output out";
        "everything masked", table("wiki.txt", b"a word and a word\n"), "pretrain --text wiki.txt --validation wiki.txt --masking-probability 1 --output out";
        "heads that do not divide the width", table("wiki.txt", b"a word and a word\n"), "pretrain --text wiki.txt --validation wiki.txt --heads 3 --output out";
        "text that hides nothing", masked_lm, "fill-mask --model bert 'the film'";
        "a second text that hides nothing", masked_lm, "fill-mask --model bert 'the [MASK]' 'the film'";
        "a classifier that is to fill masks", nothing, "fill-mask --model model 'the [MASK]'";
        "a method that there is not", nothing, "compare --model model --train train.csv --output out --methods scratch,magic";
        "a rate of no method", nothing, "compare --model model --train train.csv --output out --rates magic=1e-3";
        "a rate that is none", nothing, "compare --model model --train train.csv --output out --rates full=fast";
        "a share of the steps that is none", nothing, "compare --model model --train train.csv --output out --step-shares full=1.5";
        "two rates of one method", nothing, "compare --model model --train train.csv --output out --rates scratch=1e-3,scratch=1e-4";
        "a rank that no matrix of a method has", nothing, "compare --model model --train train.csv --output out --lora-rank 500";
        "a pattern that matches nothing in a method", nothing, "compare --model model --train train.csv --output out --freeze zzz";
        "a size of nothing", nothing, "compare --model model --train train.csv --output out --sizes 0,all";
        "a size larger than the data", nothing, "compare --model model --train train.csv --output out --sizes 8,500";
        "a size too small for the classes", nothing, "compare --model model --train train.csv --output out --sizes 1";
        "one class only to compare on", table("t.csv", b"text,label
a,1
b,1
"), "compare --model model --train t.csv --output out";
        "a comparison of no seeds", nothing, "compare --model model --train train.csv --output out --seeds 0";
        "steps that no epoch tells", nothing, "compare --model model --train train.csv --output out --tokens-per-batch 64";
        "a comparison in a folder of other files", |p: &Place| p.write("out/thesis.txt", "x"), "compare --model model --train train.csv --output out";
        "a comparison with layers that begin anew", nothing, "compare --model model --train train.csv --output out --reinit-layers 1";
        "a metric of numbers to compare by", nothing, "compare --model model --train train.csv --output out --metric pearson";
        "a comparison with sources", table("s.csv", b"text,label\na,pos\n"), "compare --model model --train train.csv --output out --source s.csv";
        "a comparison without an output", nothing, "compare --model model --train train.csv";
        "a demo in a folder of other files", |p: &Place| p.write("out/messages/train.csv", "text,label\n"), "demo --output out";
        "a demo over messages of others", |p: &Place| p.write("out/messages/train.csv", "text,label\n"), "demo --output out --overwrite";
        "nothing to classify", nothing, "predict --model model";
        "a pair for several texts", nothing, "predict --model model a b --pair c";
        "texts and a file of texts", nothing, "predict --model model 'a film' --file train.csv";
        "a result that is a folder", nothing, "predict --model model 'a film' --output model";
        "a result that cannot be written", nothing, "predict --model model 'a film' --output no/such/folder.csv";
    };
    let adapters = cases! {
        "a rank of 0", nothing, "train --model model --train train.csv --output out --lora-rank 0";
        "a rank larger than the matrix", nothing, "train --model model --train train.csv --output out --lora-rank 17";
        "a target that matches no linear map", nothing, "train --model model --train train.csv --output out --lora-targets query,gate";
        "a target that is no pattern", nothing, "train --model model --train train.csv --output out --lora-targets '('";
        "an empty target beside another", nothing, "train --model model --train train.csv --output out --lora-targets query,";
        "an empty target", nothing, "train --model model --train train.csv --output out --lora-targets ''";
        "a scale of nothing", nothing, "train --model model --train train.csv --output out --lora-alpha 0";
        "an unknown setting of LoRA", |p: &Place| p.write("c.toml", "[training.lora]\nr = 8\n"), "train --config c.toml";
        "LoRA and layers that begin anew", nothing, "train --model model --train train.csv --output out --lora-rank 4 --reinit-layers 1";
        "LoRA in pretraining", |p: &Place| { p.write("wiki.txt", "a word and a word\n"); p.write("c.toml", "[training.lora]\n"); }, "pretrain --config c.toml --text wiki.txt --validation wiki.txt --output out";
        "an adapter to fine-tune", adapter, "train --model adapter --train train.csv --output out";
        "an adapter of another base", |p: &Place| { adapter(p); p.write_model_of("model", 4); }, "predict --model adapter 'a film'";
        "an adapter of a base of another shape", |p: &Place| { adapter(p); edit(p, "model/config.json", "\"hidden_size\": 16", "\"hidden_size\": 32"); }, "predict --model adapter 'a film'";
        "an adapter on a base of another size", |p: &Place| { adapter(p); masked_lm(p); }, "predict --model adapter --base bert 'a film'";
        "an adapter of another rank than it says", |p: &Place| { adapter(p); edit(p, "adapter/adapter_config.json", "\"r\"", "\"r\": 16, \"q\""); }, "predict --model adapter 'a film'";
        "an adapter whose base is gone", |p: &Place| { adapter(p); std::fs::rename(p.path("model"), p.path("away")).expect("renamed"); }, "predict --model adapter 'a film'";
        "an adapter that names no base", |p: &Place| { adapter(p); edit(p, "adapter/adapter_config.json", "base_model_name_or_path", "base"); }, "predict --model adapter 'a film'";
        "an adapter without weights", |p: &Place| { adapter(p); std::fs::remove_file(p.path("adapter/adapter_model.safetensors")).expect("removed"); }, "predict --model adapter 'a film'";
        "truncated weights of an adapter", |p: &Place| { adapter(p); let w = p.read("adapter/adapter_model.safetensors"); p.write("adapter/adapter_model.safetensors", &w[..w.len() / 2]); }, "predict --model adapter 'a film'";
        "an adapter with one factor of two", |p: &Place| { adapter(p); edit_names(p, "adapter/adapter_model.safetensors", "layer.1.attention.self.value.lora_B", "layer.1.attention.self.value.lora_C"); }, "predict --model adapter 'a film'";
        "an adapter of more than the model has", |p: &Place| { adapter(p); std::fs::remove_file(p.path("adapter/bertune_config.json")).expect("removed"); edit_names(p, "adapter/adapter_model.safetensors", "classifier.bias", "klassifier.bias"); }, "merge --model adapter --output out";
        "a broken adapter_config.json", |p: &Place| { adapter(p); p.write("adapter/adapter_config.json", "{\n  \"r\": 8,,\n}"); }, "predict --model adapter 'a film'";
        "an adapter of another method", |p: &Place| { adapter(p); edit(p, "adapter/adapter_config.json", "LORA", "IA3"); }, "predict --model adapter 'a film'";
        "a variant of LoRA", |p: &Place| { adapter(p); edit(p, "adapter/adapter_config.json", "\"r\"", "\"use_dora\": true, \"r\""); }, "evaluate --model adapter --data train.csv";
        "a base for what is no adapter", nothing, "predict --model model --base model 'a film'";
        "merging what is no adapter", nothing, "merge --model model --output out";
        "merging the boxed model", nothing, "merge --model boxed --output out";
        "merging into the base", adapter, "merge --model adapter --output model --overwrite";
    };
    let tasks = cases! {
        "a file of tasks that is not there", nothing, "train-tasks tasks.toml";
        "no tasks", tasks("", ""), "train-tasks tasks.toml";
        "tasks without an output", |p: &Place| p.write("tasks.toml", "model = \"model\"\n[[tasks]]\nname = \"a\"\ntrain = \"train.csv\"\n"), "train-tasks tasks.toml";
        "two tasks whose names differ in case alone", tasks("", "[[tasks]]\nname = \"A\"\ntrain = \"train.csv\"\n[[tasks]]\nname = \"a\"\ntrain = \"train.csv\"\n"), "train-tasks tasks.toml";
        "two tasks of one name", tasks("", "[[tasks]]\nname = \"a\"\ntrain = \"train.csv\"\n[[tasks]]\nname = \"a\"\ntrain = \"train.csv\"\n"), "train-tasks tasks.toml";
        "a task with a name of no folder", tasks("", "[[tasks]]\nname = \"a/b\"\ntrain = \"train.csv\"\n"), "train-tasks tasks.toml";
        "a task without a name", tasks("", "[[tasks]]\ntrain = \"train.csv\"\n"), "train-tasks tasks.toml";
        "a task without a file", tasks("", "[[tasks]]\nname = \"a\"\n"), "train-tasks tasks.toml";
        "a task whose file is not there", tasks("", "[[tasks]]\nname = \"a\"\ntrain = \"a.csv\"\n"), "train-tasks tasks.toml";
        "a task whose column is not there", tasks("", "[[tasks]]\nname = \"a\"\ntrain = \"train.csv\"\ndata = { text = \"body\" }\n"), "train-tasks tasks.toml";
        "a share of a task beside its file", tasks("", "[[tasks]]\nname = \"a\"\ntrain = \"train.csv\"\nvalidation = \"train.csv\"\nvalidation_fraction = 0.2\n"), "train-tasks tasks.toml";
        "two tasks that hold out rows of one file", tasks("", "[[tasks]]\nname = \"a\"\ntrain = \"train.csv\"\n[[tasks]]\nname = \"b\"\ntrain = \"train.csv\"\n"), "train-tasks tasks.toml";
        "pairs to measure a task of single texts on", |p: &Place| { p.write("v.csv", "text,text_pair,label\na,b,pos\n"); tasks("", "[[tasks]]\nname = \"a\"\ntrain = \"train.csv\"\nvalidation = \"v.csv\"\n")(p); }, "train-tasks tasks.toml";
        "a task that is never drawn", tasks("", "[[tasks]]\nname = \"a\"\ntrain = \"train.csv\"\nweight = 0.0\n"), "train-tasks tasks.toml";
        "an unknown key beside tasks", tasks("source = \"more.csv\"", TASK), "train-tasks tasks.toml";
        "an unknown key of a task", tasks("", "[[tasks]]\nname = \"a\"\ntrain = \"train.csv\"\nlabel = \"x\"\n"), "train-tasks tasks.toml";
        "an unknown sampling of tasks", tasks("sampling = \"even\"", TASK), "train-tasks tasks.toml";
        "a sampling without its temperature", tasks("sampling = \"temperature\"", TASK), "train-tasks tasks.toml";
        "a temperature below 1", tasks("sampling = { temperature = 0.5 }", TASK), "train-tasks tasks.toml";
        "weights of classes of several tasks", tasks("training = { class_weights = { pos = 2.0 } }", TASK), "train-tasks tasks.toml";
        "adapters of several tasks", tasks("training = { lora = { rank = 2 } }", TASK), "train-tasks tasks.toml";
        "a metric that a task does not have", tasks("training = { metric = \"pearson\" }", TASK), "train-tasks tasks.toml";
        "a setting that a task does not have", |p: &Place| { p.write("t.csv", "text,label\na,0.5\nb,1\nc,2\n"); tasks("training = { label_smoothing = 0.1 }", "[[tasks]]\nname = \"stars\"\ntrain = \"t.csv\"\nvalidation = \"t.csv\"\ndata = { targets = \"values\" }\n")(p); }, "train-tasks tasks.toml";
        "tasks longer than the model takes", tasks("tokens = { max_length = 500 }", TASK), "train-tasks tasks.toml";
        "tasks in the place of the model", tasks("", TASK), "train-tasks tasks.toml --output model --overwrite";
        "tasks in the place of other files", |p: &Place| { p.write("out/thesis.txt", "x"); tasks("", TASK)(p); }, "train-tasks tasks.toml --overwrite";
    };
    [files.to_vec(), models.to_vec(), settings.to_vec(), adapters.to_vec(), tasks.to_vec()].concat()
}

const TASK: &str = "[[tasks]]\nname = \"mood\"\ntrain = \"train.csv\"\n";

/// A file of tasks with these settings.
fn tasks(settings: &'static str, tasks: &'static str) -> impl Fn(&Place) {
    move |place| {
        let head = "model = \"model\"\noutput = \"out\"\n";
        place.write("tasks.toml", format!("{head}{settings}\n{tasks}"));
    }
}

/// Trains an adapter on the tiny model.
fn adapter(place: &Place) {
    let output = place
        .run("train --model model --train train.csv --output adapter --max-steps 1 --lora-rank 2");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Pretrains a masked language model, `bert`, smaller than the tiny model.
fn masked_lm(place: &Place) {
    place.write("wiki.txt", "the film . the film");
    let output = place.run(
        "pretrain --text wiki.txt --validation wiki.txt --vocab-size 60 --hidden-size 8 --heads 2 \
         --max-steps 1 --output bert",
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Messages with a word in place of each hash, whose numbers another processor may round otherwise.
fn without_hashes(text: &str) -> String {
    let is_hash =
        |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    let words = words.map(|part| {
        let word = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if is_hash(word) { part.replace(word, "SHA256") } else { part.to_owned() }
    });
    words.collect()
}

#[test]
fn every_message_says_what_where_and_what_to_do() {
    let mut messages = String::new();
    for (what, prepare, command) in cases() {
        let place = Place::new();
        prepare(&place);
        let before = std::fs::read_dir(place.path("")).expect("a folder").count();
        let output = place.run(command);
        let error = String::from_utf8(output.stderr).expect("UTF-8");
        let code = output.status.code().expect("an exit code");
        assert!(matches!(code, 1 | 2), "{what}: exit code {code}\n{error}");
        assert!(
            !error.contains("panicked") && !error.contains("fault of bertune"),
            "{what}: {error}"
        );
        let after = std::fs::read_dir(place.path("")).expect("a folder").count();
        assert_eq!(after, before, "{what}: nothing is left behind");
        // What was read before the fault is of no interest here.
        let lines = error.lines().skip_while(|line| !line.starts_with("error: "));
        let root = place.path("").display().to_string();
        let error = lines.collect::<Vec<_>>().join("\n").replace(&root, "");
        let error = without_hashes(&error);
        writeln!(messages, "{what} ({code})\n{error}\n").expect("written");
    }
    insta::assert_snapshot!(messages);
}
