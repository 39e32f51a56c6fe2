//! The audio thread's promise, as far as a counting allocator sees it: nothing in `process`, `reset` and `set_knob` allocates
//! or frees, for every file that must play.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use support::{config, data, noise_vec};
use tonegraft_core::Processor;
use tonegraft_engine::StartState;

struct Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // The thread may be ending: then nobody counts any more.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: passes everything on to the system's allocator; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise, passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn heap_calls(body: impl FnOnce()) -> usize {
    let before = CALLS.with(Cell::get);
    body();
    CALLS.with(Cell::get) - before
}

#[test]
fn the_counter_counts() {
    assert!(heap_calls(|| drop(std::hint::black_box(vec![1u8; 100]))) >= 2);
    assert_eq!(heap_calls(|| ()), 0);
}

/// Everything a host may do, in all block sizes.
fn play(processor: &mut dyn Processor) -> usize {
    let facts = processor.facts();
    let input = noise_vec(5, 2048);
    let inputs: Vec<&[f32]> = vec![&input; facts.inputs];
    let mut outputs = vec![vec![0.0f32; 2048]; facts.outputs];
    let mut outputs: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    heap_calls(|| {
        for frames in [0, 1, 7, 31, 32, 33, 64, 480, 1024, 2048] {
            for knob in 0..=facts.knobs {
                #[allow(clippy::cast_precision_loss)]
                processor.set_knob(knob, frames as f32 / 2048.0);
            }
            let mut cut: [&[f32]; 8] = [&[]; 8];
            let channels = tonegraft_core::buffer::cut(&inputs, 0, frames, &mut cut);
            tonegraft_core::buffer::with_cut_mut(&mut outputs, 0, frames, |output| {
                processor.process(&cut[..channels], output);
            });
            processor.set_knob(0, f32::NAN);
        }
        processor.reset();
        // Another shape than agreed is silenced, also without the heap.
        processor.process(&[], &mut []);
        processor.process(&inputs, &mut outputs);
        processor.reset();
    })
}

fn check(file: &str) {
    let Some(folder) = data::shared(file) else { return };
    let path = folder.join(file);
    let model = support::files::model(support::files::read(&path), &path);
    for start in [StartState::Zero, StartState::Silence] {
        for (inputs, outputs) in [(1, 1), (2, 2), (1, 2), (2, 1)] {
            let mut processor = model.instantiate(&config(inputs, outputs, start)).expect("fits");
            assert_eq!(play(processor.as_mut()), 0, "{start:?} {inputs}→{outputs}");
        }
    }
}

macro_rules! tests {
    ($($name:ident: $file:literal,)*) => {
        $(
            #[test]
            fn $name() {
                check($file);
            }
        )*
    };
}
for_each_file!(tests);
