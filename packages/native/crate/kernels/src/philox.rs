//! Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") as a function of an element's index:
//! element i is word i % 4 of counter (i / 4, 0).

const MULTIPLIER: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];

/// The four words of each of N counters, given by their lower and upper halves.
#[inline(always)]
pub fn philox<const N: usize>(low: [u32; N], high: [u32; N], key: [u32; 2]) -> [[u32; N]; 4] {
    let (mut c0, mut c1, mut c2, mut c3) = (low, high, [0u32; N], [0u32; N]);
    let mut key = key;
    for _ in 0..10 {
        for i in 0..N {
            let a = u64::from(MULTIPLIER[0]) * u64::from(c0[i]);
            let b = u64::from(MULTIPLIER[1]) * u64::from(c2[i]);
            c0[i] = (b >> 32) as u32 ^ c1[i] ^ key[0];
            c1[i] = b as u32;
            c2[i] = (a >> 32) as u32 ^ c3[i] ^ key[1];
            c3[i] = a as u32;
        }
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    [c0, c1, c2, c3]
}

/// Elements whose word is at least this are kept.
pub fn threshold(rate: f64) -> u64 {
    (rate * 4_294_967_296.0).floor() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers published with Random123.
    #[test]
    fn known_answers() {
        let words = philox([0], [0], [0, 0]).map(|word| word[0]);
        assert_eq!(words, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
    }
}
