//! Event files that TensorBoard reads: records of protocol buffers, each between checksums.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use bertune::train::{Event, Scores, TaskScores};

/// Writes the curves of a run.
pub(crate) struct EventFile {
    file: File,
    learning_rate: f64,
}

impl EventFile {
    /// A new file in a folder, beside those of other runs or of this one before it was stopped.
    pub(crate) fn create(folder: &Path, learning_rate: f64) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let seconds = now() as u64;
        let name = format!("events.out.tfevents.{seconds}.bertune.{}", std::process::id());
        let path = folder.join(name);
        let describe = || format!("cannot write {}", path.display());
        let mut file = File::create(&path).with_context(describe)?;
        let version = field(3, &Field::Bytes(b"brain.Event:2"));
        write_record(&mut file, &event(0, &version)).with_context(describe)?;
        Ok(Self { file, learning_rate })
    }

    /// Writes what an event tells in numbers.
    pub(crate) fn tell(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Step { record, .. } => {
                self.scalar(record.step, "train/loss", record.loss)?;
                self.scalar(record.step, "train/gradient_norm", record.gradient_norm)?;
                let rate = self.learning_rate * record.rate_factor;
                self.scalar(record.step, "train/learning_rate", rate)
            }
            Event::Evaluated(record) => {
                self.scalar(record.step, "validation/loss", record.validation_loss)?;
                self.scores(record.step, "validation", &record.validation)?;
                let Scores::Tasks(scores) = &record.validation else { return Ok(()) };
                for TaskScores { name, loss, scores } in &scores.tasks {
                    let folder = format!("validation/{name}");
                    self.scalar(record.step, &format!("{folder}/loss"), *loss)?;
                    self.scores(record.step, &folder, scores)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn scores(&mut self, step: usize, folder: &str, scores: &Scores) -> io::Result<()> {
        for (title, score) in scores.shown() {
            if let Some(score) = score {
                let tag = format!("{folder}/{}", title.replace(' ', "_"));
                self.scalar(step, &tag, score)?;
            }
        }
        Ok(())
    }

    fn scalar(&mut self, step: usize, tag: &str, value: f64) -> io::Result<()> {
        let tag = field(1, &Field::Bytes(tag.as_bytes()));
        let value = field(2, &Field::Float(value as f32));
        let value = field(1, &Field::Bytes(&[tag, value].concat()));
        write_record(&mut self.file, &event(step, &field(5, &Field::Bytes(&value))))
    }
}

/// A value of a protocol buffer.
enum Field<'a> {
    Bytes(&'a [u8]),
    Integer(u64),
    Float(f32),
    Double(f64),
}

fn field(number: u64, value: &Field<'_>) -> Vec<u8> {
    let key = |wire_type: u64| varint(number << 3 | wire_type);
    match value {
        Field::Integer(value) => [key(0), varint(*value)].concat(),
        Field::Double(value) => [key(1), value.to_le_bytes().into()].concat(),
        Field::Bytes(bytes) => [key(2), varint(bytes.len() as u64), bytes.to_vec()].concat(),
        Field::Float(value) => [key(5), value.to_le_bytes().into()].concat(),
    }
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// An `Event` of TensorFlow, with the time of writing.
fn event(step: usize, what: &[u8]) -> Vec<u8> {
    let (time, step) = (Field::Double(now()), Field::Integer(step as u64));
    [field(1, &time), field(2, &step), what.to_vec()].concat()
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// A `TFRecord`: length and data, each followed by its masked checksum.
fn write_record(out: &mut impl Write, data: &[u8]) -> io::Result<()> {
    let length = (data.len() as u64).to_le_bytes();
    let (of_length, of_data) = (masked_crc(&length), masked_crc(data));
    out.write_all(&[length.as_slice(), &of_length, data, &of_data].concat())
}

fn masked_crc(data: &[u8]) -> [u8; 4] {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xA282_EAD8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tensorboard`'s own reader was seen to read what this writes.
    #[test]
    fn a_record_stands_between_its_checksums() {
        let mut written = Vec::new();
        write_record(&mut written, b"abc").unwrap();
        assert_eq!(written[..8], 3u64.to_le_bytes());
        assert_eq!(written[12..15], *b"abc");
        assert_eq!(written[15..], masked_crc(b"abc"));
        // The checksum of "123456789" is Castagnoli's 0xE3069283, before it is masked.
        let masked = 0xE306_9283u32.rotate_right(15).wrapping_add(0xA282_EAD8);
        assert_eq!(masked_crc(b"123456789"), masked.to_le_bytes());
    }

    #[test]
    fn integers_have_seven_bits_a_byte() {
        assert_eq!(varint(0), [0]);
        assert_eq!(varint(127), [127]);
        assert_eq!(varint(300), [0xAC, 0x02]);
    }

    #[test]
    fn a_field_begins_with_its_number_and_type() {
        assert_eq!(field(1, &Field::Integer(150)), [0x08, 0x96, 0x01]);
        assert_eq!(field(2, &Field::Bytes(b"hi")), [0x12, 2, b'h', b'i']);
    }
}
