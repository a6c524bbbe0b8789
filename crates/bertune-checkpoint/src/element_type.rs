use half::{bf16, f16};

/// How a file holds the numbers of a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ElementType {
    F64,
    F32,
    F16,
    Bf16,
    /// Numbers that are no parameters, such as position ids.
    Other {
        name: &'static str,
        size: usize,
    },
}

impl ElementType {
    /// Bytes of one number.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Other { size, .. } => size,
        }
    }

    /// Little-endian bytes to floats, or the name of what they are instead.
    pub(crate) fn widen(self, bytes: &[u8]) -> Result<Vec<f32>, &'static str> {
        Ok(match self {
            Self::F64 => convert(bytes, |b| f64::from_le_bytes(b) as f32),
            Self::F32 => convert(bytes, f32::from_le_bytes),
            Self::F16 => convert(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => convert(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Self::Other { name, .. } => return Err(name),
        })
    }
}

fn convert<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<N>();
    numbers.iter().map(|bytes| number(*bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(element_type: ElementType, bytes: &[u8], expected: &[f32]) {
        assert_eq!(element_type.widen(bytes), Ok(expected.to_vec()));
    }

    #[test]
    fn every_float_widens_to_the_same_number() {
        check(ElementType::F64, &1.5_f64.to_le_bytes(), &[1.5]);
        check(ElementType::F32, &(-0.1_f32).to_le_bytes(), &[-0.1]);
        check(ElementType::F16, &f16::from_f32(0.25).to_le_bytes(), &[0.25]);
        check(ElementType::Bf16, &bf16::from_f32(-3.0).to_le_bytes(), &[-3.0]);
    }

    #[test]
    fn integers_are_no_parameters() {
        let long = ElementType::Other { name: "int64", size: 8 };
        assert_eq!(long.widen(&[0; 8]), Err("int64"));
    }
}
