//! The thread pool of an engine, and `for_each`, the only way kernels use it.
//!
//! The calling thread takes part. Workers spin for some microseconds before they sleep: a training step is hundreds of
//! short kernels in a row, and waking a sleeping thread costs more than many of them. A nested `for_each` runs
//! sequentially. Tasks are numbered, so a kernel whose tasks do not depend on the number of threads is deterministic.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

/// Polls before a worker sleeps, about 300 microseconds with a `pause` of 40 nanoseconds: longer than between two kernels.
const SPINS: usize = if cfg!(miri) { 2 } else { 8000 };

/// One call of `for_each`, on the caller's stack while it is published.
struct Job<'a> {
    body: &'a (dyn Fn(usize) + Sync),
    tasks: usize,
    next: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Job<'_> {
    fn work(&self) {
        loop {
            let task = self.next.fetch_add(1, SeqCst);
            if task >= self.tasks {
                return;
            }
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| (self.body)(task))) {
                self.next.store(self.tasks, SeqCst);
                self.panic.lock().unwrap().get_or_insert(payload);
            }
        }
    }
}

#[derive(Default)]
struct Shared {
    job: AtomicPtr<Job<'static>>,
    /// Number of published jobs, so that a worker enters each only once.
    epoch: AtomicUsize,
    /// Workers that may be looking at `job`.
    visitors: AtomicUsize,
    sleepers: AtomicUsize,
    stop: AtomicBool,
    gate: Mutex<()>,
    wake: Condvar,
}

impl Shared {
    fn wake_all(&self) {
        if self.sleepers.load(SeqCst) > 0 {
            drop(self.gate.lock().unwrap());
            self.wake.notify_all();
        }
    }

    fn worker(&self) {
        let mut seen = 0;
        while !self.stop.load(SeqCst) {
            let epoch = self.epoch.load(SeqCst);
            if epoch == seen {
                self.wait(seen);
                continue;
            }
            seen = epoch;
            self.visitors.fetch_add(1, SeqCst);
            let job = self.job.load(SeqCst);
            if !job.is_null() {
                // SAFETY: the publisher withdraws `job` and then waits for `visitors` to be zero before the job dies.
                unsafe { &*job }.work();
            }
            self.visitors.fetch_sub(1, SeqCst);
        }
    }

    fn wait(&self, seen: usize) {
        for _ in 0..SPINS {
            if self.epoch.load(SeqCst) != seen || self.stop.load(SeqCst) {
                return;
            }
            std::hint::spin_loop();
        }
        let mut gate = self.gate.lock().unwrap();
        self.sleepers.fetch_add(1, SeqCst);
        while self.epoch.load(SeqCst) == seen && !self.stop.load(SeqCst) {
            gate = self.wake.wait(gate).unwrap();
        }
        self.sleepers.fetch_sub(1, SeqCst);
    }
}

/// The threads of one engine. Dropping it joins them.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

thread_local! {
    static CURRENT: Cell<*const Pool> = const { Cell::new(std::ptr::null()) };
}

impl Pool {
    /// A pool of `threads` threads, including the caller.
    pub fn new(threads: usize) -> Pool {
        let shared = Arc::new(Shared::default());
        let workers = (1..threads.max(1))
            .map_while(|index| {
                let shared = Arc::clone(&shared);
                let builder = std::thread::Builder::new().name(format!("megatron-{index}"));
                builder.spawn(move || shared.worker()).ok()
            })
            .collect();
        Pool { shared, workers }
    }

    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `body`; every `for_each` in it uses this pool.
    pub fn install<R>(&self, body: impl FnOnce() -> R) -> R {
        let _restore = Restore(CURRENT.replace(self));
        body()
    }

    fn run(&self, tasks: usize, body: &(dyn Fn(usize) + Sync)) {
        let job = Job { body, tasks, next: AtomicUsize::new(0), panic: Mutex::new(None) };
        let shared = &*self.shared;
        shared.job.store((&raw const job).cast_mut().cast(), SeqCst);
        shared.epoch.fetch_add(1, SeqCst);
        shared.wake_all();
        job.work();
        shared.job.store(std::ptr::null_mut(), SeqCst);
        let mut polls = 0;
        while shared.visitors.load(SeqCst) > 0 {
            polls += 1;
            if polls % SPINS == 0 { std::thread::yield_now() } else { std::hint::spin_loop() }
        }
        if let Some(payload) = job.panic.into_inner().unwrap() {
            resume_unwind(payload);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, SeqCst);
        drop(self.shared.gate.lock());
        self.shared.wake.notify_all();
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

struct Restore(*const Pool);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// The number of threads that the next `for_each` of this thread uses.
pub fn threads() -> usize {
    // SAFETY: `install` keeps the pool alive while the pointer is set.
    unsafe { CURRENT.get().as_ref() }.map_or(1, Pool::threads)
}

/// Calls `body` once with each of `0..tasks`, in any order, on the threads of the installed pool. Panics propagate.
pub fn for_each(tasks: usize, body: impl Fn(usize) + Sync) {
    let pool = CURRENT.get();
    if tasks <= 1 || pool.is_null() {
        (0..tasks).for_each(body);
        return;
    }
    let _restore = Restore(CURRENT.replace(std::ptr::null()));
    // SAFETY: `install` keeps the pool alive while the pointer is set.
    unsafe { &*pool }.run(tasks, &body);
}

/// A mutable slice that the tasks of one `for_each` write in disjoint parts.
#[derive(Clone, Copy)]
pub struct Disjoint<T> {
    start: *mut T,
    length: usize,
}

// SAFETY: handing out parts is unsafe; the type itself is only a pointer and a length.
unsafe impl<T: Send> Send for Disjoint<T> {}
unsafe impl<T: Send> Sync for Disjoint<T> {}

impl<T> Disjoint<T> {
    pub fn new(slice: &mut [T]) -> Disjoint<T> {
        Disjoint { start: slice.as_mut_ptr(), length: slice.len() }
    }

    /// The part from `from` with `length` elements (bounds are checked).
    ///
    /// # Safety
    /// No two live parts may overlap, and the slice must outlive them.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn part<'a>(&self, from: usize, length: usize) -> &'a mut [T] {
        assert!(from <= self.length && length <= self.length - from, "part outside the slice");
        unsafe { std::slice::from_raw_parts_mut(self.start.add(from), length) }
    }
}

/// Splits `data` into pieces of `size` elements (the last may be shorter) and calls `body` with each and its index.
pub fn for_each_chunk<T: Send>(data: &mut [T], size: usize, body: impl Fn(usize, &mut [T]) + Sync) {
    let length = data.len();
    let shared = Disjoint::new(data);
    for_each(length.div_ceil(size), |index| {
        let from = index * size;
        // SAFETY: pieces with different indices do not overlap.
        body(index, unsafe { shared.part(from, size.min(length - from)) });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once_at_any_thread_count() {
        for threads in [1, 2, 5] {
            let pool = Pool::new(threads);
            for tasks in [0, 1, 2, 7, 64] {
                let mut counts = vec![0u32; tasks];
                pool.install(|| for_each_chunk(&mut counts, 1, |index, piece| piece[0] += 1 + index as u32));
                assert!(counts.iter().enumerate().all(|(index, &count)| count == 1 + index as u32));
            }
        }
    }

    #[test]
    fn nested_calls_run_in_sequence() {
        let pool = Pool::new(3);
        let total = AtomicUsize::new(0);
        pool.install(|| {
            for_each(4, |outer| {
                for_each(4, |inner| {
                    total.fetch_add(outer * 4 + inner, SeqCst);
                })
            })
        });
        assert_eq!(total.load(SeqCst), 120);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        let pool = Pool::new(3);
        let result = catch_unwind(AssertUnwindSafe(|| pool.install(|| for_each(8, |task| assert!(task != 5, "five")))));
        assert!(result.is_err());
        let total = AtomicUsize::new(0);
        pool.install(|| {
            for_each(8, |_| {
                total.fetch_add(1, SeqCst);
            })
        });
        assert_eq!(total.load(SeqCst), 8);
    }

    #[test]
    fn workers_wake_after_they_slept() {
        let pool = Pool::new(2);
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(5));
            let total = AtomicUsize::new(0);
            pool.install(|| {
                for_each(16, |_| {
                    total.fetch_add(1, SeqCst);
                })
            });
            assert_eq!(total.load(SeqCst), 16);
        }
    }
}
