//! The engine of one N-API environment: its threads and its tensors, from construction until the environment ends.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use megatron_kernels::gemm::Precision;
use megatron_kernels::memory::Kind;
use megatron_kernels::parallel::Pool;
use megatron_kernels::simd::{Isa, isa};
use megatron_kernels::view::convert;
use napi::bindgen_prelude::{ArrayBuffer, Result};
use napi::{Env, Error, Status};
use napi_derive::napi;

use crate::tensors::{Tensors, invalid};

struct Parts {
    pool: Pool,
    tensors: Tensors,
}

/// Kernels and the tensors that they work on. Handles are numbers; an absent tensor is -1.
#[napi]
pub struct Engine {
    parts: Rc<RefCell<Option<Parts>>>,
}

/// Bytes of tensors.
#[napi(object)]
pub struct MemoryUsage {
    pub in_use: f64,
    /// Kept for reuse.
    pub kept: f64,
    /// The most that was in use at once.
    pub peak: f64,
}

/// Names of element kinds, in the order of the numbers that stand for them.
pub const KINDS: [(&str, Kind); 4] = [("f32", Kind::F32), ("bf16", Kind::Bf16), ("i32", Kind::I32), ("u8", Kind::U8)];

pub fn kind_of(number: u32) -> Result<Kind> {
    KINDS.get(number as usize).map(|(_, kind)| *kind).ok_or_else(|| invalid(format!("kind {number} does not exist")))
}

fn number_of(kind: Kind) -> u32 {
    KINDS.iter().position(|(_, other)| *other == kind).expect("every kind has a number") as u32
}

fn message_of(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a kernel failed").to_string()
}

impl Engine {
    /// Runs kernels on the engine's threads. Panics become errors.
    pub fn run<R>(&self, body: impl FnOnce(&mut Tensors) -> Result<R>) -> Result<R> {
        let mut parts = self.parts.borrow_mut();
        let Some(Parts { pool, tensors }) = parts.as_mut() else {
            return Err(Error::new(Status::Closing, "the engine has ended with its environment"));
        };
        let result = catch_unwind(AssertUnwindSafe(|| pool.install(|| body(tensors))));
        result.unwrap_or_else(|panic| Err(Error::new(Status::GenericFailure, message_of(panic))))
    }
}

#[napi]
impl Engine {
    /// Threads that compute, the caller's among them; the physical cores when 0.
    #[napi(constructor)]
    pub fn new(env: Env, threads: u32) -> Result<Engine> {
        let threads = if threads == 0 { default_threads() } else { threads as usize };
        let parts = Rc::new(RefCell::new(Some(Parts { pool: Pool::new(threads), tensors: Tensors::new() })));
        // Joins the threads before the environment is gone; the object itself may be collected later, or never.
        env.add_env_cleanup_hook(Rc::clone(&parts), |parts| drop(parts.take()))?;
        Ok(Engine { parts })
    }

    #[napi]
    pub fn threads(&self) -> Result<u32> {
        let parts = self.parts.borrow();
        Ok(parts.as_ref().map_or(0, |parts| parts.pool.threads() as u32))
    }

    #[napi]
    pub fn memory(&self) -> Result<MemoryUsage> {
        self.run(|tensors| {
            let usage = tensors.memory.usage();
            Ok(MemoryUsage { in_use: usage.in_use as f64, kept: usage.kept as f64, peak: usage.peak as f64 })
        })
    }

    /// Gives what is kept for reuse back to the system, and forgets the peak.
    #[napi]
    pub fn trim(&self) -> Result<()> {
        self.run(|tensors| {
            tensors.memory.trim();
            Ok(())
        })
    }

    /// Tells the garbage collector how much memory hangs on its objects.
    #[napi]
    pub fn adjust_external_memory(&self, env: Env, bytes: f64) -> Result<()> {
        env.adjust_external_memory(bytes as i64).map(|_| ())
    }

    /// A tensor with undefined elements.
    #[napi]
    pub fn allocate(&self, kind: u32, length: u32) -> Result<u32> {
        self.run(|tensors| {
            let buffer = tensors.buffer(kind_of(kind)?, length as usize);
            Ok(tensors.add(buffer))
        })
    }

    /// A tensor with these bytes.
    #[napi]
    pub fn create(&self, kind: u32, bytes: &[u8]) -> Result<u32> {
        self.run(|tensors| {
            let kind = kind_of(kind)?;
            let mut buffer = tensors.buffer(kind, bytes.len() / kind.bytes());
            buffer.bytes_mut().copy_from_slice(bytes);
            Ok(tensors.add(buffer))
        })
    }

    /// A copy of the elements; of those in bf16 storage as f32.
    #[napi]
    pub fn read<'env>(&self, env: &'env Env, x: u32) -> Result<ArrayBuffer<'env>> {
        self.run(|tensors| {
            let x = tensors.get(x)?;
            if x.kind() == Kind::Bf16 {
                ArrayBuffer::copy_from(env, x.stored_as(Kind::F32).bytes())
            } else {
                ArrayBuffer::copy_from(env, x.bytes())
            }
        })
    }

    #[napi]
    pub fn free(&self, x: u32) -> Result<()> {
        self.run(|tensors| tensors.free(x))
    }

    #[napi]
    pub fn kind(&self, x: u32) -> Result<u32> {
        self.run(|tensors| Ok(number_of(tensors.get(x)?.kind())))
    }

    /// Changes the storage of a float32 tensor, in place.
    #[napi]
    pub fn store(&self, x: u32, kind: u32) -> Result<()> {
        self.run(|tensors| {
            let kind = kind_of(kind)?;
            let current = tensors.get(x)?;
            if current.kind() != kind {
                let converted = current.stored_as(kind);
                tensors.replace(x, converted);
            }
            Ok(())
        })
    }

    /// A copy of a float32 tensor in the given storage.
    #[napi]
    pub fn stored_as(&self, x: u32, kind: u32) -> Result<u32> {
        self.run(|tensors| {
            let x = tensors.get(x)?;
            let mut out = tensors.buffer(kind_of(kind)?, x.len());
            convert(x.view(), out.view_mut());
            Ok(tensors.add(out))
        })
    }

    /// Whether matrix products round to bf16 and their results are stored so. Returns what held before.
    #[napi]
    pub fn set_bf16(&self, bf16: bool) -> Result<bool> {
        self.run(|tensors| {
            let precision = if bf16 { Precision::Bf16 } else { Precision::F32 };
            Ok(std::mem::replace(&mut tensors.precision, precision) == Precision::Bf16)
        })
    }
}

/// The physical cores that this process may use.
fn default_threads() -> usize {
    let allowed = std::thread::available_parallelism().map_or(1, usize::from);
    num_cpus::get_physical().min(allowed).max(1)
}

/// The instruction sets that kernels use on this processor, weakest first.
#[napi]
pub fn instruction_sets() -> Vec<&'static str> {
    if cfg!(target_arch = "aarch64") {
        return vec!["neon"];
    }
    let all = [(Isa::Avx2, "avx2"), (Isa::Avx512, "avx512"), (Isa::Avx512Bf16, "avx512-bf16"), (Isa::Amx, "amx-bf16")];
    all.into_iter().filter(|(needed, _)| isa() >= *needed).map(|(_, name)| name).collect()
}

/// Names of element kinds, in the order of the numbers that stand for them.
#[napi]
pub fn kinds() -> Vec<&'static str> {
    KINDS.iter().map(|(name, _)| *name).collect()
}
