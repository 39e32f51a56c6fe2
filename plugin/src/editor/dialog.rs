//! The system's file dialog, off the window's thread.

use crate::shared::{CabWish, Shared, Wish};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A model for slot 0 or 1.
    Model(usize),
    /// An impulse response.
    Cab,
}

/// One dialog at a time and window.
#[derive(Debug, Default)]
pub struct Dialog {
    open: Arc<AtomicBool>,
}

impl Dialog {
    /// Shows the dialog; what is chosen is loaded. Does nothing while one is open. The dialog may outlive the window and even the
    /// instance: what is chosen then is forgotten.
    pub fn browse(&self, shared: &Arc<Shared>, asked: Asked, folder: Option<&std::path::Path>) {
        if self.open.swap(true, Ordering::AcqRel) {
            return;
        }
        let dialog = rfd::AsyncFileDialog::new();
        let mut dialog = match asked {
            Asked::Model(_) => dialog.set_title("Load a model").add_filter(
                "Models",
                &["onnx", "ONNX", "nam", "NAM", "json", "JSON", "aidax", "AIDAX"],
            ),
            Asked::Cab => dialog
                .set_title("Load an impulse response")
                .add_filter("Audio", &["wav", "WAV", "flac", "FLAC", "aif", "AIF", "aiff", "AIFF"]),
        }
        .add_filter("All files", &["*"]);
        if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
            dialog = dialog.set_directory(folder);
        }
        let (open, target) = (Arc::clone(&self.open), Arc::downgrade(shared));
        // macOS shows dialogs from the window's thread only: there this call shows it, and the thread just waits for the answer.
        #[cfg(target_os = "macos")]
        let answer = dialog.pick_file();
        let thread = std::thread::Builder::new()
            .name("tonegraft-dialog".into())
            .spawn(move || {
                #[cfg(not(target_os = "macos"))]
                let answer = dialog.pick_file();
                let chosen = wait_for(answer);
                if let (Some(file), Some(shared)) = (chosen, target.upgrade()) {
                    let path = file.path().to_path_buf();
                    match asked {
                        Asked::Model(slot) => shared.open(slot, Wish::File(path)),
                        Asked::Cab => shared.open_cab(CabWish::File(path)),
                    }
                }
                open.store(false, Ordering::Release);
            });
        if thread.is_err() {
            self.open.store(false, Ordering::Release);
        }
    }
}

/// Drives one future to its end, on a thread that has nothing else to do.
fn wait_for<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Poll;

    #[test]
    fn a_future_that_wakes_from_another_thread_is_driven_to_its_end() {
        let mut asked = false;
        let answer = wait_for(std::future::poll_fn(move |context| {
            if asked {
                return Poll::Ready(7);
            }
            asked = true;
            let waker = context.waker().clone();
            std::thread::spawn(move || waker.wake());
            Poll::Pending
        }));
        assert_eq!(answer, 7);
    }
}
