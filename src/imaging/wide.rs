//! Loops compiled twice: for every processor of the kind, and for those with 256-bit vectors. Which one runs is asked once
//! a call; both give the same values, since no operation is fused or re-ordered.
#![allow(unsafe_code, reason = "a call into code for a processor feature; listed in tests/architecture.rs")]

/// Runs `work` compiled for AVX2 where the processor has it. Only what is inlined into `work` gains: mark the closure and
/// everything that it calls `#[inline(always)]`.
#[inline(always)]
#[allow(clippy::inline_always, reason = "inlining is what makes the second version")]
pub fn widest<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,bmi1,bmi2")]
        fn wide<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("bmi2") {
            // SAFETY: the features that `wide` is compiled for were found just now (BMI1 is part of every BMI2).
            return unsafe { wide(work) };
        }
    }
    work()
}
