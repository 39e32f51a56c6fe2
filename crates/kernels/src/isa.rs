//! Which instruction set the kernels use. Chosen once, when a model is lowered; never asked per block.

use std::fmt;

/// An instruction set that kernels exist for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isa {
    /// Portable code without fused multiply-add; on every machine.
    Scalar,
    /// AArch64's vectors with fused multiply-add; the portable code, compiled for them.
    Neon,
    /// 256-bit vectors with fused multiply-add and 16-bit floats (x86-64 since 2013).
    Avx2Fma,
    /// 512-bit vectors (AVX-512 F).
    Avx512,
}

impl Isa {
    /// All, from the plainest to the widest.
    const ALL: [Self; 4] = [Self::Scalar, Self::Neon, Self::Avx2Fma, Self::Avx512];

    /// True if this machine can run it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            Self::Neon => cfg!(target_arch = "aarch64"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2Fma => {
                std::arch::is_x86_feature_detected!("avx2")
                    && std::arch::is_x86_feature_detected!("fma")
                    && std::arch::is_x86_feature_detected!("f16c")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Self::Avx2Fma.is_available() && std::arch::is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2Fma | Self::Avx512 => false,
        }
    }

    /// The widest that this machine can run.
    pub fn detect() -> Self {
        Self::ALL
            .into_iter()
            .rev()
            .find(|isa| isa.is_available())
            .unwrap_or(Self::Scalar)
    }

    /// All that this machine can run, the plainest first.
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available()).collect()
    }

    /// `self` if this machine can run it, else [`Isa::Scalar`]: kernels are built with this, so that none is ever called on
    /// a machine that lacks its instructions.
    #[must_use]
    pub fn or_scalar(self) -> Self {
        if self.is_available() { self } else { Self::Scalar }
    }

    /// Elements of its vectors.
    pub(crate) const fn lanes(self) -> usize {
        match self {
            Self::Avx512 => 16,
            Self::Scalar | Self::Neon | Self::Avx2Fma => 8,
        }
    }

    /// Short name, lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Neon => "neon",
            Self::Avx2Fma => "avx2",
            Self::Avx512 => "avx512",
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detected_one_is_available_and_scalar_always_is() {
        let available = Isa::available();
        assert_eq!(available.first(), Some(&Isa::Scalar));
        assert_eq!(available.last(), Some(&Isa::detect()));
        assert!(Isa::ALL.iter().all(|isa| isa.or_scalar().is_available()));
    }
}
