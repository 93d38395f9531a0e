//! bfloat16: the upper half of an f32. A storage type; arithmetic is in f32.

/// The bits of a bfloat16 number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Bf16(pub u16);

impl Bf16 {
    /// Rounds to nearest even; NaN stays NaN. Branchless, so that loops over it vectorise.
    #[inline(always)]
    pub fn from_f32(value: f32) -> Bf16 {
        let bits = value.to_bits();
        let rounded = (bits.wrapping_add(0x7fff + ((bits >> 16) & 1))) >> 16;
        let quiet = (bits >> 16) | 0x40;
        Bf16(if value.is_nan() { quiet } else { rounded } as u16)
    }

    #[inline(always)]
    pub fn to_f32(self) -> f32 {
        f32::from_bits((self.0 as u32) << 16)
    }
}

/// The storage types of a float32 tensor. Kernels read and write through this trait and compute in f32.
pub trait Element: Copy + Default + Send + Sync + 'static {
    fn get(self) -> f32;
    fn put(value: f32) -> Self;
}

impl Element for f32 {
    #[inline(always)]
    fn get(self) -> f32 {
        self
    }
    #[inline(always)]
    fn put(value: f32) -> f32 {
        value
    }
}

impl Element for Bf16 {
    #[inline(always)]
    fn get(self) -> f32 {
        self.to_f32()
    }
    #[inline(always)]
    fn put(value: f32) -> Bf16 {
        Bf16::from_f32(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_to_nearest_even() {
        for (value, bits) in [(1.0, 0x3f80), (1.0 + 1.0 / 256.0, 0x3f80), (1.0 + 3.0 / 256.0, 0x3f82), (-2.5, 0xc020)] {
            assert_eq!(Bf16::from_f32(value).0, bits, "{value}");
        }
        assert_eq!(Bf16::from_f32(f32::MAX).to_f32(), f32::INFINITY);
        assert_eq!(Bf16::from_f32(f32::NEG_INFINITY).to_f32(), f32::NEG_INFINITY);
        assert!(Bf16::from_f32(f32::from_bits(0x7f80_0001)).to_f32().is_nan());
        assert!((0..=u16::MAX).map(Bf16).all(|x| x.to_f32().is_nan() || Bf16::from_f32(x.to_f32()) == x));
    }
}
