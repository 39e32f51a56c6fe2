//! Any bytes as a host's state stream, and as the session inside: what is read is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tonegraft_library::host_state::{HostState, from_stream};
use tonegraft_library::session::{SessionState, decode, encode};
use tonegraft_library::{Library, locate};

fn session(text: &str) {
    let Ok(state) = decode(text) else { return };
    let written = encode(&state);
    assert_eq!(decode(&written).expect("reads what it wrote"), state);
    models(&state);
}

/// Each model is there, or the reason is told. No library, so that no folder of this machine is looked through.
fn models(state: &SessionState) {
    for slot in &state.slots {
        let _ = slot.model.name();
        if let Err(error) = locate(&slot.model, &Library::empty()) {
            assert!(!error.to_string().is_empty());
        }
    }
}

fn stream(state: &HostState) {
    let again = from_stream(&state.to_stream()).expect("reads what it wrote");
    assert_eq!(again.fields, state.fields);
    assert_eq!(
        again.params.keys().collect::<Vec<_>>(),
        state.params.keys().collect::<Vec<_>>()
    );
    if let Some(text) = state.session_json() {
        session(&text);
    }
}

fuzz_target!(|data: &[u8]| {
    if let Ok(state) = from_stream(data) {
        stream(&state);
    }
    // As if the announced length were right: mutations hardly hit it.
    let mut announced = (data.len() as u64).to_le_bytes().to_vec();
    announced.extend_from_slice(data);
    if let Ok(state) = from_stream(&announced) {
        stream(&state);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        session(text);
    }
});
