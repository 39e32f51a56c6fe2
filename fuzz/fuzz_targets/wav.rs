//! Any bytes as an audio file: it is read to its end in blocks, or refused with a sentence.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::OnceLock;
use tonegraft_render::wav::{MAX_FILE_CHANNELS, Reader};

/// Frames that are read at most: a short file may announce four gigabytes.
const MOST: u64 = 1 << 16;

/// The reader opens files by name; this one is in memory where the system has such a folder.
fn path() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
        folder.join(format!("tonegraft-fuzz-{}.wav", std::process::id()))
    })
}

fn read(data: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path(), data)?;
    let mut reader = Reader::open(path())?;
    assert!((1..=MAX_FILE_CHANNELS).contains(&reader.channels()));
    assert!(reader.frames() > 0);
    let mut channels = vec![Vec::new(); reader.channels()];
    let (mut done, mut block) = (0, 1);
    while done < reader.frames().min(MOST) {
        let frames = reader.read(&mut channels, block)?;
        assert!(frames > 0 && channels.iter().all(|channel| channel.len() == frames));
        done += frames as u64;
        block = block % 700 * 3 + 1;
    }
    Ok(())
}

fuzz_target!(|data: &[u8]| {
    if let Err(error) = read(data) {
        assert!(!format!("{error:#}").is_empty());
    }
});
