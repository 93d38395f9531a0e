//! Detects Intel AMX and configures the tile registers of a thread. Intel, Software Developer's Manual, volume 1, chapter
//! 18.

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count};
use std::sync::OnceLock;

/// Whether the processor has AMX with bf16 and the operating system lets this process use it (Linux requires a request).
pub fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        // CPUID leaf 7: EDX bit 22 AMX-BF16, bit 24 AMX-TILE.
        let leaf = __cpuid_count(7, 0);
        let present = __cpuid(0).eax >= 7 && leaf.edx & (1 << 22 | 1 << 24) == (1 << 22 | 1 << 24);
        let vectors = is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512bw");
        present && vectors && request_permission()
    })
}

#[cfg(target_os = "linux")]
fn request_permission() -> bool {
    const ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: i64 = 0x1023;
    const XFEATURE_XTILEDATA: i64 = 18;
    let result: i64;
    // SAFETY: arch_prctl takes two integers here and touches no memory of ours.
    unsafe {
        asm!("syscall", inlateout("rax") ARCH_PRCTL => result, in("rdi") ARCH_REQ_XCOMP_PERM, in("rsi") XFEATURE_XTILEDATA,
            lateout("rcx") _, lateout("r11") _);
    }
    result == 0
}

#[cfg(not(target_os = "linux"))]
fn request_permission() -> bool {
    false
}

/// The tile registers of this thread, configured as 8 tiles of 16 rows x 64 bytes. Released on drop, so that the system
/// does not save them at every context switch.
pub struct Tiles(());

impl Tiles {
    pub fn configure() -> Tiles {
        assert!(available());
        #[repr(C, align(64))]
        struct Configuration([u8; 64]);
        let mut configuration = Configuration([0; 64]);
        configuration.0[0] = 1;
        for tile in 0..8 {
            configuration.0[16 + 2 * tile] = 64;
            configuration.0[48 + tile] = 16;
        }
        // SAFETY: AMX is available and the configuration is a valid palette 1.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &configuration) };
        Tiles(())
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: AMX is available, since `self` exists.
        unsafe { asm!("tilerelease") };
    }
}
