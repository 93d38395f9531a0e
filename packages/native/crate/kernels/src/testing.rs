//! Numbers for tests.

/// Deterministic numbers in [-1, 1).
pub fn numbers(length: usize, seed: u32) -> Vec<f32> {
    (0..length as u32)
        .map(|i| {
            let mixed = (i ^ seed.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
            let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
            (mixed ^ (mixed >> 16)) as i32 as f32 / 2f32.powi(31)
        })
        .collect()
}
