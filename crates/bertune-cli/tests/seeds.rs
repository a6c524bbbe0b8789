//! Several seeds: their summary, and what goes on after a stop.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
mod outcome;

use std::fs;

use common::Place;
use outcome::succeed;

#[test]
fn several_seeds_give_a_mean_and_two_models_are_compared() {
    let place = Place::new();
    let output = succeed(
        &place,
        "train --model model --train train.csv --test train.csv --output out --seeds 3 -q \
         --tensorboard curves",
    );
    assert!(output.contains("accuracy of 3 seeds:"), "{output}");
    let summary: serde_json::Value = serde_json::from_slice(&place.read("out/seeds.json")).unwrap();
    assert_eq!(summary["seeds"], serde_json::json!([1, 2, 3]));
    let test = &summary["splits"]["test"];
    let scores: Vec<f64> = serde_json::from_value(test["scores"].clone()).unwrap();
    let mean = scores.iter().sum::<f64>() / 3.0;
    assert!((mean - test["summary"]["mean"].as_f64().unwrap()).abs() < 1e-12, "{summary}");
    assert_eq!(fs::read_dir(place.path("curves/seed-2")).unwrap().count(), 1);

    let same = succeed(&place, "compare-runs out/seed-1 out/seed-1 --data train.csv");
    assert!(same.contains("A - B  0.0000, 95 % interval 0.0000 to 0.0000"), "{same}");
    assert!(same.contains("cannot be told apart"), "{same}");
}

#[test]
fn the_same_command_goes_on_where_it_was_stopped() {
    let place = Place::new();
    // Seeds share the split that the first of them would draw.
    place.write("settings.toml", "split_seed = 1\n");
    let train = "train --config settings.toml --model model --train train.csv --batch-size 4 -q";
    let whole = succeed(&place, &format!("{train} --output whole --seeds 3"));

    succeed(&place, &format!("{train} --output parts/seed-1 --seed 1"));
    let stop = format!("{train} --output parts/seed-2 --seed 2 --max-time 1ms");
    assert_eq!(place.run(&stop).status.code(), Some(130));
    let parts = succeed(&place, &format!("{train} --output parts --seeds 3"));
    for told in ["Seed 1 is finished already", "Seed 2 goes on", "Seed 3\n"] {
        assert!(parts.contains(told), "{told}: {parts}");
    }
    let summary = |told: &str| told[told.find("of 3 seeds:").unwrap()..].to_owned();
    assert_eq!(summary(&whole), summary(&parts));
    for file in ["seed-1/model.safetensors", "seed-2/model.safetensors", "seeds.json"] {
        let read = |folder: &str| place.read(&format!("{folder}/{file}"));
        assert_eq!(read("whole"), read("parts"), "{file}");
    }
}

#[test]
fn a_folder_of_other_things_is_no_place_for_seeds() {
    let place = Place::new();
    let train = "train --model model --train train.csv --max-steps 1 --seeds 2 -q --output";
    for file in ["adapter_config.json", "run.json", "notes.txt", "seed-notes.txt"] {
        let folder = file.split('.').next().unwrap();
        place.write(&format!("{folder}/{file}"), "{}");
        for flags in ["", " --overwrite"] {
            let output = place.run(&format!("{train} {folder}{flags}"));
            assert_eq!(output.status.code(), Some(1), "{file}");
            let error = String::from_utf8(output.stderr).unwrap();
            assert!(error.contains(&format!("holds {file}, which is no seed's")), "{error}");
        }
    }
    place.write("own/.hidden", "x");
    let own = format!("{train} own --tensorboard own/curves --token-cache own/tokens");
    succeed(&place, &own);
    assert!(place.path("own/curves").exists() && place.path("own/tokens").exists());
    assert!(succeed(&place, &own).contains("Seed 2 is finished already"));
}

#[test]
fn finished_seeds_of_other_settings_or_data_are_refused() {
    let place = Place::new();
    let train = "train --model model --train train.csv --output out --seeds 2 -q";
    succeed(&place, train);
    let refused = |flags: &str| {
        let output = place.run(&format!("{train} {flags}"));
        assert_eq!(output.status.code(), Some(1), "{flags}");
        String::from_utf8(output.stderr).unwrap()
    };
    let error = refused("--batch-size 4");
    assert!(error.contains("training.batch_size was 32 and is 4; say --overwrite"), "{error}");
    place.write("train.csv", "text,label\ngood film,pos\nbad film,neg\ngood,pos\nbad,neg\n");
    let error = refused("");
    assert!(error.contains("train.csv has changed; say --overwrite"), "{error}");
    succeed(&place, &format!("{train} --overwrite"));
}
