//! A query against codes, in bits: the one loop whose speed is a promise.
//!
//! With AVX2, which `pulp` looks for when it runs, a million codes of 384 bits take 7 ms of one core,
//! else about 12 (2026-11-21).

use super::codes::{OFFSET_STEP, WEIGHT_STEP};

/// The steps of a query to each side of zero, in four bits.
const STEPS: f32 = 7.0;
/// Numbers of a query beyond so many of its deviations are cut: finer steps for the others are worth
/// more than the ends of a few.
const DEVIATIONS_MAX: f32 = 3.5;

/// What each of the four bits counts: in two's complement the highest counts below zero.
const WEIGHTS: [i64; 4] = [1, 2, 4, -8];

/// A query of four bits a number: for each 64 numbers one word a bit.
pub(super) struct Planes {
    words: Vec<[u64; 4]>,
    step: f32,
    sum: f32,
}

impl Planes {
    /// Cuts a centred query.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "clamped before; a few thousand numbers at most"
    )]
    pub(super) fn of(query: &[f32]) -> Self {
        let most = query.iter().map(|it| it.abs()).fold(0.0, f32::max);
        let square: f32 = query.iter().map(|it| it * it).sum();
        let deviation = (square / query.len().max(1) as f32).sqrt();
        let step = most.min(deviation * DEVIATIONS_MAX).max(f32::MIN_POSITIVE) / STEPS;
        let cut = |number: &f32| (number / step).round().clamp(-STEPS, STEPS) as i8;
        let word = |numbers: &[f32]| {
            let mut planes = [0_u64; 4];
            for (bit, number) in numbers.iter().map(cut).enumerate() {
                for (weight, plane) in planes.iter_mut().enumerate() {
                    *plane |= u64::from(number >> weight & 1 == 1) << bit;
                }
            }
            planes
        };
        Self {
            words: query.chunks(64).map(word).collect(),
            step,
            sum: query.iter().sum(),
        }
    }

    /// Estimates the product of the query with each vector, less what is the same for all.
    pub(super) fn estimate(
        &self,
        signs: &[u64],
        weights: &[u16],
        offsets: &[i16],
        estimates: &mut Vec<f32>,
    ) {
        estimates.clear();
        estimates.resize(weights.len(), 0.0);
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            return simd.vectorize(
                #[inline(always)]
                || {
                    self.fill(
                        signs,
                        weights,
                        offsets,
                        estimates,
                        #[inline(always)]
                        |words, code| avx2::count(simd, words, code),
                    );
                },
            );
        }
        self.fill(signs, weights, offsets, estimates, count);
    }

    /// Inlined into each of the versions, so that it is compiled for it.
    #[inline(always)]
    #[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
    fn fill(
        &self,
        signs: &[u64],
        weights: &[u16],
        offsets: &[i16],
        estimates: &mut [f32],
        count: impl Fn(&[[u64; 4]], &[u64]) -> i64,
    ) {
        // A length that is known when this is compiled is quicker, and both models have this one.
        if let Ok(words) = <&[[u64; 4]; 6]>::try_from(self.words.as_slice()) {
            for (code, estimate) in signs.as_chunks::<6>().0.iter().zip(&mut *estimates) {
                *estimate = count(words, code) as f32;
            }
        } else {
            let codes = signs.chunks_exact(self.words.len().max(1));
            for (code, estimate) in codes.zip(&mut *estimates) {
                *estimate = count(&self.words, code) as f32;
            }
        }
        for ((weight, offset), estimate) in weights.iter().zip(offsets).zip(estimates) {
            let positive = *estimate * self.step;
            *estimate = f32::from(*offset) * OFFSET_STEP
                + f32::from(*weight) * WEIGHT_STEP * (2.0 * positive - self.sum);
        }
    }
}

/// The sum of the query's steps where the code's bits are set.
#[inline(always)]
fn count(words: &[[u64; 4]], code: &[u64]) -> i64 {
    let mut counted = [0_i64; 4];
    for (word, planes) in code.iter().zip(words) {
        for (counted, plane) in counted.iter_mut().zip(planes) {
            *counted += i64::from((word & plane).count_ones());
        }
    }
    let weighted = counted.iter().zip(WEIGHTS);
    weighted.map(|(counted, weight)| counted * weight).sum()
}

/// The same, the four planes beside each other: bits are counted in halves of bytes by a table, as
/// AVX2 has no instruction for it (Mula, Kurz, Lemire: Faster Population Counts Using AVX2).
#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::__m256i;

    use pulp::cast;
    use pulp::x86::V3;

    use super::WEIGHTS;

    /// How many bits are set in each number of four bits.
    const COUNTS: [u8; 32] = [
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, //
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
    ];
    /// Words after which a byte could overflow that counts eight bits of each.
    const WORDS_MAX: usize = 31;

    #[inline(always)]
    pub(super) fn count(simd: V3, words: &[[u64; 4]], code: &[u64]) -> i64 {
        let (avx, avx2) = (simd.avx, simd.avx2);
        let table: __m256i = cast(COUNTS);
        let low = avx._mm256_set1_epi8(15);
        let zero = avx._mm256_setzero_si256();
        let mut sums = zero;
        for (words, code) in words.chunks(WORDS_MAX).zip(code.chunks(WORDS_MAX)) {
            let mut counted = zero;
            for (planes, word) in words.iter().zip(code) {
                let word = avx._mm256_set1_epi64x(word.cast_signed());
                let set = avx2._mm256_and_si256(word, cast(*planes));
                let lower = avx2._mm256_and_si256(set, low);
                let upper = avx2._mm256_and_si256(avx2._mm256_srli_epi16::<4>(set), low);
                let lower = avx2._mm256_shuffle_epi8(table, lower);
                let upper = avx2._mm256_shuffle_epi8(table, upper);
                counted = avx2._mm256_add_epi8(counted, avx2._mm256_add_epi8(lower, upper));
            }
            sums = avx2._mm256_add_epi64(sums, avx2._mm256_sad_epu8(counted, zero));
        }
        let weighted: [i64; 4] = cast(avx2._mm256_mul_epi32(sums, cast(WEIGHTS)));
        weighted.iter().sum()
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn with_avx2_the_same_is_counted() {
        let Some(simd) = pulp::x86::V3::try_new() else {
            return; // this processor has none
        };
        // Numbers without a pattern (by Knuth's multiplier), then the most that can be counted.
        let mut state = 1_u64;
        let mut drawn = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state ^ state >> 29
        };
        for length in [1, 6, 31, 32, 64] {
            let code: Vec<u64> = (0..length).map(|_| drawn()).collect();
            let words: Vec<_> = (0..length).map(|_| [0; 4].map(|_| drawn())).collect();
            assert_eq!(avx2::count(simd, &words, &code), count(&words, &code));
            let (words, code) = (vec![[u64::MAX; 4]; length], vec![u64::MAX; length]);
            assert_eq!(avx2::count(simd, &words, &code), count(&words, &code));
        }
    }
}
