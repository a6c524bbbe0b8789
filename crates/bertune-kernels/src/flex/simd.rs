//! Loops that the compiler vectorises, compiled for several instruction sets.

use std::f32::consts::{FRAC_1_SQRT_2, LOG2_E};

/// Defines a function whose body is compiled for AVX-512, for AVX2 with FMA and for the target's
/// baseline, and picks the best that this processor has each time it is called.
///
/// Everything the body calls must be `#[inline(always)]` to be compiled likewise.
macro_rules! multiversion {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident : $type:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name($($arg: $type),*) $(-> $ret)? {
            #[inline(always)]
            fn portable($($arg: $type),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi2")]
                fn avx512($($arg: $type),*) $(-> $ret)? { portable($($arg),*) }

                #[target_feature(enable = "avx2,fma,bmi2")]
                fn avx2($($arg: $type),*) $(-> $ret)? { portable($($arg),*) }

                match $crate::flex::simd::level() {
                    // SAFETY: `level` found these features on this processor.
                    $crate::flex::simd::Level::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: as above.
                    $crate::flex::simd::Level::Avx2 => return unsafe { avx2($($arg),*) },
                    $crate::flex::simd::Level::Baseline => {}
                }
            }
            portable($($arg),*)
        }
    };
}
pub(super) use multiversion;

/// The instruction sets that [`multiversion`] compiles for, the smallest first.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Baseline,
    Avx2,
    Avx512,
}

/// The environment variable that lowers the [`level`]: to `avx2` or `baseline`.
#[cfg(target_arch = "x86_64")]
pub(crate) const LIMIT: &str = "BERTUNE_SIMD";

/// The best level that this processor has and [`LIMIT`] allows.
#[cfg(target_arch = "x86_64")]
pub(super) fn level() -> Level {
    use std::sync::LazyLock;
    static LEVEL: LazyLock<Level> = LazyLock::new(|| {
        let most = match std::env::var(LIMIT).as_deref() {
            Ok("baseline") => Level::Baseline,
            Ok("avx2") => Level::Avx2,
            _ => Level::Avx512,
        };
        let avx2 = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("bmi2");
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        let best = match (avx2, avx512) {
            (true, true) => Level::Avx512,
            (true, false) => Level::Avx2,
            (false, _) => Level::Baseline,
        };
        best.min(most)
    });
    *LEVEL
}

/// Partial sums kept side by side, as many as the widest register holds.
pub(super) const LANES: usize = 16;

/// The sum of `term` over pairs of elements, in an order that depends on the length alone.
#[inline(always)]
pub(super) fn sum_of(a: &[f32], b: &[f32], term: impl Fn(f32, f32, f32) -> f32) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] = term(sums[lane], a[lane], b[lane]);
        }
    }
    for (lane, (&a, &b)) in a_rest.iter().zip(b_rest).enumerate() {
        sums[lane] = term(sums[lane], a, b);
    }
    fold_lanes(
        sums,
        #[inline(always)]
        |a, b| a + b,
    )
}

/// One number of all lanes: halves are put together until one is left.
#[inline(always)]
fn fold_lanes(mut lanes: [f32; LANES], together: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] = together(lanes[lane], lanes[lane + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// The sum of all elements.
#[inline(always)]
pub(super) fn sum(x: &[f32]) -> f32 {
    sum_of(x, x, |sum, x, _| sum + x)
}

/// Replaces each element of whole vectors by `function` of it; the sum of the new ones.
///
/// What does not fill a vector stays as it is, and is not in the sum.
#[inline(always)]
pub(super) fn apply_and_sum(x: &mut [f32], function: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0f32; LANES];
    for chunk in x.as_chunks_mut::<LANES>().0 {
        for lane in 0..LANES {
            chunk[lane] = function(chunk[lane]);
            sums[lane] += chunk[lane];
        }
    }
    fold_lanes(
        sums,
        #[inline(always)]
        |a, b| a + b,
    )
}

/// The sum of the products of elements.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    sum_of(a, b, |sum, a, b| a.mul_add(b, sum))
}

/// The sum of the squared distances to `mean`.
#[inline(always)]
pub(super) fn squared_deviation(x: &[f32], mean: f32) -> f32 {
    sum_of(x, x, |sum, x, _| (x - mean).mul_add(x - mean, sum))
}

/// The largest element.
#[inline(always)]
pub(super) fn max(x: &[f32]) -> f32 {
    let mut largest = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            largest[lane] = larger(largest[lane], chunk[lane]);
        }
    }
    let of_rest = rest.iter().fold(f32::NEG_INFINITY, |a, &b| larger(a, b));
    larger(of_rest, fold_lanes(largest, larger))
}

/// The larger of two numbers, `a` if `b` is none: one instruction, where `f32::max` is three.
#[inline(always)]
pub(super) fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// `e^x`, relative error below 2e-7 for `x` from -87 to 88, clamped outside.
///
/// The reduction and polynomial of Cephes' `expf` (Moshier, 1992), written so that it
/// vectorises. NaN stays NaN.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    /// 1.5 · 2²³: adding it rounds to an integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let clamped = x.clamp(-87.0, 88.0);
    let shifted = clamped.mul_add(LOG2_E, ROUND);
    let power = shifted - ROUND;
    let r = power.mul_add(-0.693_359_4, clamped);
    let r = power.mul_add(2.121_944_4e-4, r);
    let mut p = 1.987_569_2e-4f32;
    p = p.mul_add(r, 1.398_2e-3);
    p = p.mul_add(r, 8.333_452e-3);
    p = p.mul_add(r, 4.166_579_6e-2);
    p = p.mul_add(r, 1.666_666_5e-1);
    p = p.mul_add(r, 0.500_000_06);
    let mantissa = (p * r).mul_add(r, r) + 1.0;
    mantissa * f32::from_bits((shifted.to_bits() << 23).wrapping_add(1f32.to_bits()))
}

/// The standard normal distribution at `x`: cumulative and density, absolute error below 2e-7.
///
/// Formula 7.1.26 of Abramowitz and Stegun (1964) for the error function.
#[inline(always)]
pub(super) fn normal(x: f32) -> (f32, f32) {
    let z = x.abs() * FRAC_1_SQRT_2;
    let e = exp(-z * z);
    let t = 1.0 / z.mul_add(0.327_591_1, 1.0);
    let mut p = 1.061_405_4f32;
    p = p.mul_add(t, -1.453_152_1);
    p = p.mul_add(t, 1.421_413_8);
    p = p.mul_add(t, -0.284_496_74);
    p = p.mul_add(t, 0.254_829_6);
    let tail = 0.5 * p * t * e;
    (if x >= 0.0 { 1.0 - tail } else { tail }, 0.398_942_3 * e)
}

/// The hyperbolic tangent, absolute error below 3e-7.
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    let e = exp(-2.0 * x.abs());
    ((1.0 - e) / (1.0 + e)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest error of `ours` against `exact` over `-range..range`.
    fn worst(range: f64, ours: impl Fn(f32) -> f64, exact: impl Fn(f64) -> f64) -> f64 {
        let points = (-200_000..=200_000).map(|i| f64::from(i) / 200_000.0 * range);
        let errors = points.map(|x| (ours(x as f32) - exact(f64::from(x as f32))).abs());
        errors.max_by(f64::total_cmp).unwrap()
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_limit_is_kept() {
        let limit = match std::env::var(LIMIT).as_deref() {
            Ok("baseline") => Level::Baseline,
            Ok("avx2") => Level::Avx2,
            _ => return,
        };
        assert!(level() <= limit, "{:?}", level());
    }

    #[test]
    fn exp_is_accurate() {
        let relative = |x: f32| f64::from(exp(x)) / f64::from(x).exp();
        assert!(worst(87.0, relative, |_| 1.0) < 2e-7);
    }

    #[test]
    fn tanh_is_accurate() {
        assert!(worst(12.0, |x| f64::from(tanh(x)), f64::tanh) < 3e-7);
    }

    /// Against the integral of the density.
    #[test]
    fn the_normal_distribution_is_accurate() {
        let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let (mut cumulative, step) = (0.0, 1e-4);
        for i in 0..160_000 {
            let x = -8.0 + f64::from(i) * step;
            let (ours, slope) = normal(x as f32);
            assert!((f64::from(ours) - cumulative).abs() < 5e-7, "{x}: {ours} {cumulative}");
            assert!((f64::from(slope) - density(x)).abs() < 2e-7, "{x}");
            let middle = density(x + step / 2.0);
            cumulative += step / 6.0 * (density(x) + 4.0 * middle + density(x + step));
        }
    }

    #[test]
    fn sums_and_maxima_cover_every_length() {
        for n in 0..70usize {
            let x: Vec<f32> = (0..n).map(|i| ((i * 37) % 11) as f32 - 5.0).collect();
            assert_eq!(sum(&x), x.iter().sum::<f32>());
            assert_eq!(dot(&x, &x), x.iter().map(|x| x * x).sum::<f32>());
            assert_eq!(max(&x), x.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }

    #[test]
    fn nan_is_not_hidden() {
        assert!(exp(f32::NAN).is_nan() && normal(f32::NAN).1.is_nan() && tanh(f32::NAN).is_nan());
    }
}
