use half::{bf16, f16};
use safetensors::Dtype as StoredType;
use serde::Deserialize;

/// How a file stores floating-point numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// Single precision, 4 bytes a number: as they are computed with.
    #[default]
    F32,
    /// Half precision, 2 bytes: 11 significant bits, up to 65,504.
    F16,
    /// Brain floating point, 2 bytes: 8 significant bits, with the range of single precision.
    Bf16,
}

impl Dtype {
    /// What transformers calls it in `config.json`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
        }
    }

    pub(crate) fn stored(self) -> StoredType {
        match self {
            Self::F32 => StoredType::F32,
            Self::F16 => StoredType::F16,
            Self::Bf16 => StoredType::BF16,
        }
    }

    /// Bytes of one number.
    pub(crate) fn size(self) -> usize {
        if self == Self::F32 { 4 } else { 2 }
    }

    /// Whether it has a number near this one.
    pub(crate) fn holds(self, value: f32) -> bool {
        self != Self::F16 || f16::from_f32(value).is_finite() || !value.is_finite()
    }

    /// Little-endian, each rounded to the nearest.
    pub(crate) fn bytes(self, values: &[f32]) -> Vec<u8> {
        match self {
            Self::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::F16 => {
                values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect()
            }
            Self::Bf16 => {
                values.iter().flat_map(|&value| bf16::from_f32(value).to_le_bytes()).collect()
            }
        }
    }
}
