"""Ardour without a window: a session with the plugin on a track is exported and compared with the command line.

Run by `cargo xtask extended`, which repeats it: Ardour's session tool aborts now and then, also without any plugin, so only the
exported file is judged. Ardour normalises an export and writes it with 16 or 24 bits, so the comparison is up to a gain.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import time

import common
import numpy as np

RATE = 44_100
# Ardour's ticks per sample at that rate.
TICKS = 282_240_000 // RATE
# The WAV preset of `simple_export`.
PRESET = "df340c53-88b5-4342-a1c8-58e0704872ea"
# Error energy over signal energy: 16-bit steps of a normalised file.
LARGEST_ERROR = 1e-6

MAKE = """
local b = AudioEngine:set_backend("None (Dummy)", "", "")
b:set_sample_rate({rate})
create_session("{folder}", "{name}", {rate})
local t = Session:new_audio_track(2, 2, nil, 1, "Guitar", ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true):front()
Session:save_state("")
close_session()
quit()
"""

EXPORT = """
local b = AudioEngine:set_backend("None (Dummy)", "", "")
b:set_sample_rate({rate})
load_session("{folder}", "{name}")
local t = Session:route_by_name("Guitar")
local p = ARDOUR.LuaAPI.new_plugin(Session, "{uid}", ARDOUR.PluginType.VST3, "")
if p:isnil() then print("plugin: unknown") quit() end
t:add_processor_by_index(p, 0, nil, true)
ARDOUR.LuaAPI.usleep(2500000)
print("latency: " .. t:signal_latency())
local e = Session:simple_export()
e:set_name("export")
e:set_folder("{out}")
e:set_range(0, {frames})
e:set_preset("{preset}")
e:run_export()
print("exported")
close_session()
quit()
"""


def run_lua(luasession, text, folder, home):
    """Runs a script in Ardour; what it printed."""
    script = folder / "script.lua"
    script.write_text(text)
    environment = dict(os.environ, HOME=str(home))
    done = subprocess.run([luasession, script], capture_output=True, text=True, timeout=180, check=False, env=environment)
    return done.stdout + done.stderr


def put_audio(session, audio_folder, audio):
    """Writes the region into the saved session, since the Lua interface has no import."""
    frames = audio.shape[1]
    common.write(audio_folder / "guitar.wav", audio, RATE)
    text = session.read_text()
    sources = "".join(f'<Source name="guitar.wav" type="audio" flags="" take-id="" id="900{channel}" channel="{channel}" origin="" gain="1"/>' for channel in (0, 1))
    length = frames * TICKS
    region = (
        f'<Region name="guitar.1" muted="0" opaque="1" locked="0" video-locked="0" automatic="0" whole-file="0" import="0" external="1"'
        f' sync-marked="0" left-of-split="0" right-of-split="0" hidden="0" position-locked="0" valid-transients="0" start="a0"'
        f' length="a{length}@a0" sync-position="a0" ancestral-start="0" ancestral-length="0" stretch="1" shift="1"'
        f' layering-index="0" envelope-active="0" default-fade-in="1" default-fade-out="1" fade-in-active="0" fade-out-active="0"'
        f' scale-amplitude="1" id="9010" type="audio" first-edit="nothing" channels="2"'
        f' source-0="9000" source-1="9001" master-source-0="9000" master-source-1="9001"/>'
    )
    text = text.replace("<Sources/>", f"<Sources>{sources}</Sources>")
    text = re.sub(r'(<Playlist [^>]*name="Guitar"[^>]*)/>', rf"\1>{region}</Playlist>", text)
    assert "guitar.1" in text and "9000" in text, "the session's file has another form than expected"
    text = re.sub(r'id-counter="\d+"', 'id-counter="10000"', text)
    session.write_text(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--luasession", type=pathlib.Path, required=True)
    args = common.arguments(parser)
    cli, checks = common.Cli(args), common.Checks()
    work = args.out
    shutil.rmtree(work)
    home, session = work / "home", work / "session"
    (home / ".vst3").mkdir(parents=True)
    shutil.copytree(args.vst3, home / ".vst3" / args.vst3.name)
    # The scanner's cache goes by whole seconds.
    time.sleep(2.1)
    library = args.luasession.resolve().name.removesuffix("-lua")
    scanner = pathlib.Path("/usr/lib") / library / "ardour-vst3-scanner"
    scanned = subprocess.run(
        [scanner, "-f", "-v", home / ".vst3" / args.vst3.name], capture_output=True, text=True, check=False,
        env=dict(os.environ, HOME=str(home), LD_LIBRARY_PATH=str(scanner.parent)),
    )
    uid = common.CLASS_ID.hex().upper()
    checks.that(uid in (scanned.stdout + scanned.stderr).upper(), f"Ardour's scanner finds {uid}")

    names = {"rate": RATE, "folder": session, "name": "session", "uid": uid, "out": work, "preset": PRESET}
    run_lua(args.luasession, MAKE.format(**names), work, home)
    # As it is opened, the plugin plays the first model that ships.
    audio = common.guitar(args, 4.0, channels=2)
    put_audio(session / "session.ardour", session / "interchange/session/audiofiles", audio)
    said = run_lua(args.luasession, EXPORT.format(frames=audio.shape[1], **names), work, home)
    print("\n".join(line for line in said.splitlines() if line.startswith(("latency", "exported", "plugin"))))
    files = list(work.glob("export*.wav"))
    if not checks.that(files, "there is an exported file"):
        print(said[-2000:])
        checks.finish()
    got, rate = common.read(files[0])
    checks.that(rate == RATE, f"exported at {rate} Hz")
    best = None
    for model in common.shipped():
        # Nobody has touched a parameter: all knobs are in the middle.
        knobs = cli.inspect(model)["knobs"]
        middle = [word for knob in knobs for word in ("--param", f"{knob['name']}={(knob['min'] + knob['max']) / 2}")]
        wanted = cli.render(model, audio, RATE, "--start", "silence", *middle)
        frames = min(got.shape[1], wanted.shape[1])
        lag = common.shift(got[0, :frames], wanted[0, :frames])
        a, b = got[:, :frames], wanted[:, :frames]
        gain = float((a * b).sum() / (b * b).sum())
        error = float(((a - gain * b) ** 2).sum() / (a * a).sum())
        best = min(best, (error, lag, model)) if best else (error, lag, model)
    error, lag, model = best
    checks.that(lag == 0, f"{model}: shifted by {lag} frames")
    checks.that(error < LARGEST_ERROR, f"{model}: error energy {error:.1e} of the signal's")
    checks.finish()


if __name__ == "__main__":
    main()
