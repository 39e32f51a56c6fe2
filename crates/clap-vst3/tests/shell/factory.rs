//! Classes, ids, buses and layouts.

use std::ptr::null_mut;
use std::sync::atomic::Ordering;

use vst3::Steinberg::Vst::*;
use vst3::Steinberg::*;
use vst3::{ComPtr, Interface};

use crate::host::{FULL, Instance, PLAIN, class_id, enter, exit, factory};
use crate::plugin::{DEINITS, INIT_PATH};

const MONO: SpeakerArrangement = SpeakerArr::kMono;
const STEREO: SpeakerArrangement = SpeakerArr::kStereo;
const EMPTY: SpeakerArrangement = SpeakerArr::kEmpty;

fn text8(text: &[std::ffi::c_char]) -> String {
    let bytes = text.iter().take_while(|c| **c != 0).map(|c| *c as u8).collect();
    String::from_utf8(bytes).unwrap()
}

pub fn text16(text: &[u16]) -> String {
    let units: Vec<u16> = text.iter().copied().take_while(|unit| *unit != 0).collect();
    String::from_utf16(&units).unwrap()
}

#[test]
fn the_factory_shows_what_the_macro_was_given() {
    let factory = factory();
    // SAFETY: plain C structs, a live factory.
    unsafe {
        let mut info: PFactoryInfo = std::mem::zeroed();
        assert_eq!(factory.getFactoryInfo(&mut info), kResultOk);
        assert_eq!(
            (text8(&info.vendor), text8(&info.email)),
            ("Test Vendor".into(), "test@example.org".into())
        );
        assert_eq!(factory.countClasses(), 2);
        let mut class: PClassInfo2 = std::mem::zeroed();
        assert_eq!(factory.getClassInfo2(0, &mut class), kResultOk);
        // Not on Windows: the id as written.
        assert_eq!(class.cid.map(|byte| byte as u8), FULL);
        assert_eq!(text8(&class.category), "Audio Module Class");
        assert_eq!(text8(&class.subCategories), "Fx|Distortion");
        assert_eq!(
            (text8(&class.name), text8(&class.version)),
            ("Full Täst".into(), "1.2.3".into())
        );
        let mut wide: PClassInfoW = std::mem::zeroed();
        assert_eq!(factory.getClassInfoUnicode(1, &mut wide), kResultOk);
        assert_eq!(
            (text16(&wide.name), text16(&wide.version)),
            ("Plain Test".into(), "9.9".into())
        );
        assert_eq!(factory.getClassInfoUnicode(2, &mut wide), kInvalidArgument);
        assert_eq!(factory.getClassInfo2(-1, &mut class), kInvalidArgument);
        assert_eq!(factory.getClassInfo(0, null_mut()), kInvalidArgument);
        let mut object = std::ptr::dangling_mut();
        let unknown = class_id(b"nobody's classid");
        let iid = IComponent::IID.as_ptr().cast();
        assert_ne!(factory.createInstance(unknown.as_ptr(), iid, &mut object), kResultOk);
        assert!(object.is_null());
        object = std::ptr::dangling_mut();
        let wrong = IPlugView::IID.as_ptr().cast();
        assert_ne!(
            factory.createInstance(class_id(&FULL).as_ptr(), wrong, &mut object),
            kResultOk
        );
        assert!(object.is_null());
    }
}

#[test]
fn the_entry_is_initialised_once_with_the_librarys_path() {
    assert!(enter());
    assert!(enter());
    drop((factory(), factory()));
    assert!(exit());
    let paths = INIT_PATH.lock().unwrap().clone();
    let program = std::env::current_exe().unwrap().canonicalize().unwrap();
    assert_eq!(paths, [program.to_str().unwrap()]);
    assert_eq!(DEINITS.load(Ordering::Relaxed), 0, "one entry is left");
}

#[test]
fn the_plugin_sees_the_hosts_name() {
    let instance = Instance::new(&FULL);
    assert_eq!(*instance.probe.host_name.lock().unwrap(), "Töst Host (CLAP-as-VST3)");
    instance.finish();
}

fn bus(instance: &Instance, direction: BusDirections, index: i32) -> Option<(i32, String, bool, u32)> {
    // SAFETY: a plain C struct, a live component.
    unsafe {
        let mut info: BusInfo = std::mem::zeroed();
        let result = instance
            .component
            .getBusInfo(MediaTypes_::kAudio as i32, direction as i32, index, &mut info);
        let is_main = info.busType == BusTypes_::kMain as i32;
        (result == kResultOk).then(|| (info.channelCount, text16(&info.name), is_main, info.flags))
    }
}

fn arrangement(instance: &Instance, direction: BusDirections, index: i32) -> Option<SpeakerArrangement> {
    let mut arrangement = 77;
    // SAFETY: a live processor.
    let result = unsafe {
        instance
            .processor
            .getBusArrangement(direction as i32, index, &mut arrangement)
    };
    (result == kResultOk).then_some(arrangement)
}

#[test]
fn buses_follow_the_arrangement() {
    use BusDirections_::{kInput, kOutput};
    let instance = Instance::new(&FULL);
    // SAFETY: a live component.
    let count = |media: MediaTypes, direction: BusDirections| unsafe {
        instance.component.getBusCount(media as i32, direction as i32)
    };
    assert_eq!(
        [count(MediaTypes_::kAudio, kInput), count(MediaTypes_::kAudio, kOutput)],
        [2, 1]
    );
    assert_eq!(count(MediaTypes_::kEvent, kInput), 0);
    assert_eq!(bus(&instance, kInput, 0), Some((2, "In".into(), true, 1)));
    assert_eq!(
        bus(&instance, kInput, 1),
        Some((2, "Side-chain".into(), false, 1)),
        "active by default"
    );
    assert_eq!(bus(&instance, kOutput, 0), Some((2, "Out".into(), true, 1)));
    assert_eq!((bus(&instance, kOutput, 1), bus(&instance, kInput, -1)), (None, None));
    assert_eq!(arrangement(&instance, kInput, 1), Some(STEREO));

    assert!(instance.arrange(&[MONO, MONO], &[MONO]));
    assert_eq!(bus(&instance, kInput, 1).unwrap().0, 1);
    assert!(!instance.arrange(&[STEREO, MONO], &[STEREO]), "no such layout");
    assert!(!instance.arrange(&[STEREO, STEREO], &[MONO]), "no such layout");
    assert_eq!(
        arrangement(&instance, kOutput, 0),
        Some(MONO),
        "a refusal changes nothing"
    );
    assert!(instance.arrange(&[STEREO, EMPTY], &[STEREO]));
    assert_eq!(
        (arrangement(&instance, kInput, 1), bus(&instance, kInput, 1).unwrap().0),
        (Some(EMPTY), 0)
    );
    assert!(instance.arrange(&[MONO], &[STEREO]), "fewer buses are empty ones");
    assert!(
        !instance.arrange(&[EMPTY, STEREO], &[STEREO]),
        "a main bus is never empty"
    );
    // SAFETY: a null array with a count is what is tested.
    let result = unsafe { instance.processor.setBusArrangements(null_mut(), 2, null_mut(), 1) };
    assert_eq!(result, kInvalidArgument);

    instance.start(64);
    assert!(
        instance.probe.take_calls().last().unwrap().contains("config 102 "),
        "the plugin follows at activation"
    );
    assert!(!instance.arrange(&[STEREO, STEREO], &[STEREO]), "not while active");
    instance.set_active(false);
    assert!(instance.arrange(&[STEREO, STEREO], &[STEREO]));
    instance.finish();
}

#[test]
fn only_32_bit_samples() {
    let instance = Instance::new(&PLAIN);
    // SAFETY: live objects.
    unsafe {
        assert_eq!(
            instance
                .processor
                .canProcessSampleSize(SymbolicSampleSizes_::kSample32 as i32),
            kResultTrue
        );
        assert_eq!(
            instance
                .processor
                .canProcessSampleSize(SymbolicSampleSizes_::kSample64 as i32),
            kResultFalse
        );
        let mut setup = ProcessSetup {
            processMode: 0,
            symbolicSampleSize: 1,
            maxSamplesPerBlock: 64,
            sampleRate: 48e3,
        };
        assert_eq!(instance.processor.setupProcessing(&mut setup), kResultFalse);
        let requirements: ComPtr<IProcessContextRequirements> = instance.component.cast().unwrap();
        let tempo = IProcessContextRequirements_::Flags_::kNeedTempo;
        assert_ne!(requirements.getProcessContextRequirements() & tempo, 0);
        let mut id = [0; 16];
        assert_ne!(
            instance.component.getControllerClassId(&mut id),
            kResultOk,
            "the controller is the same object"
        );
    }
    instance.finish();
}
