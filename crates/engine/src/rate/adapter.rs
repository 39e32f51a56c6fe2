//! A model behind a conversion, as a processor at the host's rate.

use super::Route;
use super::converter::{Converter, Shape};
use super::delays::Delays;
use super::lanes::{Lanes, heads, heads_mut};
use super::prototype::Prototype;
use crate::error::InstallError;
use crate::native::{StartState, Voices};
use std::sync::Arc;
use tonegraft_core::buffer::{MAX_CHANNELS, cut, with_cut_mut};
use tonegraft_core::denormals::FlushDenormals;
use tonegraft_core::processor::{MAX_METERS, Tail, block_frames, silence};
use tonegraft_core::{AudioBuffer, Facts, Fault, HostFrames, Processor};
use tonegraft_kernels::Isa;
use tonegraft_kernels::resample::Ratio;

/// Host frames that are computed at once at most.
const CHUNK: usize = 256;

/// Frames of the network that are computed at once at most, if that is more than a host frame's.
const NETWORK_CHUNK: u64 = 2048;

/// The two filters, and where the network is between them.
#[derive(Debug)]
pub(super) struct Filters {
    before: Converter,
    behind: Converter,
    /// The two rates without their common divisor.
    host: i64,
    network: i64,
    /// By how much the next host frame is later than the network's next frame, in parts of `network · host` per second.
    lead: i64,
    /// Frames of the network that the first filter delays.
    delay: i64,
    input: AudioBuffer,
    output: AudioBuffer,
}

/// A model behind a conversion.
#[derive(Debug)]
pub(crate) struct Adapter {
    network: Lanes,
    filters: Option<Filters>,
    /// Host frames computed at once.
    chunk: usize,
    facts: Facts,
}

impl Adapter {
    /// `voice` is the model in the layout asked for, at its own rate.
    pub(crate) fn new(route: &Route, voice: Voices, start: StartState, isa: Isa) -> Result<Self, InstallError> {
        let own = voice.facts();
        let conversion = route.conversion();
        let (chunk, most) = match &route.filter {
            None => (CHUNK, CHUNK),
            Some((_, delays)) => chunks(delays),
        };
        let mut network = Lanes::new(voice, conversion.lanes, most);
        let mut extra = 0;
        let filters = match &route.filter {
            None => None,
            Some((prototype, delays)) => {
                let mut filters = Filters::new(prototype, delays, &own, (chunk, most), isa)
                    .ok_or_else(|| InstallError::Internal("a conversion has no filter".into()))?;
                extra = filters.before.past_frames() + to_host(delays, filters.behind.past_frames());
                if start == StartState::Silence {
                    filters.settle(&mut network);
                }
                Some(filters)
            }
        };
        let scaled = |frames: HostFrames| {
            let inside = frames.as_usize().saturating_mul(conversion.lanes);
            let outside = route
                .filter
                .as_ref()
                .map_or(inside, |(_, delays)| to_host(delays, inside));
            HostFrames::new(u32::try_from(outside.saturating_add(extra)).unwrap_or(u32::MAX))
        };
        let facts = Facts {
            latency: conversion.latency,
            receptive_field: scaled(own.receptive_field),
            tail: match own.tail {
                Tail::Frames(frames) => Tail::Frames(scaled(frames)),
                Tail::Infinite => Tail::Infinite,
            },
            ..own
        };
        let mut adapter = Self {
            network,
            filters,
            chunk,
            facts,
        };
        // Untold, the first host frame is frame 0.
        adapter.seek(0);
        Ok(adapter)
    }
}

/// Host frames and frames of the network that are computed at once.
fn chunks(delays: &Delays) -> (usize, usize) {
    let per = |host: u64| host.saturating_mul(delays.network).div_ceil(delays.host) + 1;
    let host = (NETWORK_CHUNK * delays.host / delays.network).clamp(1, CHUNK as u64);
    (
        usize::try_from(host).unwrap_or(1),
        usize::try_from(per(host)).unwrap_or(usize::MAX),
    )
}

/// Frames of the network as host frames, rounded up.
fn to_host(delays: &Delays, frames: usize) -> usize {
    let frames = (frames as u64).saturating_mul(delays.host).div_ceil(delays.network);
    usize::try_from(frames).unwrap_or(usize::MAX)
}

impl Filters {
    // Delays and rates are small: exact in f64.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn new(
        prototype: &Prototype,
        delays: &Delays,
        facts: &Facts,
        (chunk, most): (usize, usize),
        isa: Isa,
    ) -> Option<Self> {
        let (host_hz, network_hz) = (delays.host_hz, delays.network_hz);
        let before = delays.before as f64 / network_hz;
        let up = Shape {
            ratio: Ratio {
                step: delays.host,
                parts: delays.network,
            },
            weight: |distance: f64| prototype.at(distance / host_hz - before),
            reach: (prototype.end() + before) * host_hz,
            stop: 2.0 * prototype.stop() / host_hz,
        };
        let down = Shape {
            ratio: Ratio {
                step: delays.network,
                parts: delays.host,
            },
            weight: |distance: f64| prototype.at((distance - delays.behind) / network_hz),
            reach: prototype.end() * network_hz + delays.behind,
            stop: 2.0 * prototype.stop() / network_hz,
        };
        Some(Self {
            before: Converter::new(Arc::new(up.bank(isa)?), facts.inputs, chunk),
            behind: Converter::new(Arc::new(down.bank(isa)?), facts.outputs, most),
            host: i64::try_from(delays.host).ok()?,
            network: i64::try_from(delays.network).ok()?,
            lead: 0,
            delay: i64::try_from(delays.before).ok()?,
            input: AudioBuffer::new(facts.inputs, most),
            output: AudioBuffer::new(facts.outputs, most),
        })
    }

    /// Lets what the network gives in silence stand before its first frame.
    fn settle(&mut self, network: &mut Lanes) {
        let silent = AudioBuffer::new(self.input.channels(), self.input.frames());
        let mut past: Vec<Vec<f32>> = vec![Vec::new(); self.output.channels()];
        while past.iter().any(|past| past.len() < self.behind.past_frames()) {
            let input: Vec<&[f32]> = silent.iter().collect();
            let mut output: Vec<&mut [f32]> = self.output.iter_mut().collect();
            network.run(&input, &mut output, silent.frames());
            for (past, output) in past.iter_mut().zip(&output) {
                past.extend_from_slice(output);
            }
        }
        for (channel, past) in past.iter().enumerate() {
            self.behind.set_past(channel, past);
        }
        self.output.clear();
        network.reset();
    }

    /// All that the first filter makes of `input`.
    #[cfg(test)]
    pub(super) fn before_only(&mut self, input: &[f32]) -> Vec<f32> {
        through(&mut self.before, input, 64, (self.network, self.host))
    }

    /// All that the second filter makes of `input`.
    #[cfg(test)]
    pub(super) fn behind_only(&mut self, input: &[f32]) -> Vec<f32> {
        through(&mut self.behind, input, 256, (self.host, self.network))
    }

    fn reset(&mut self) {
        self.before.reset();
        self.behind.reset();
        self.lead = 0;
    }

    /// The network's next frame, if the next host frame is frame `frame` of the transport: that of the sound in it.
    fn next(&self, frame: i64) -> i64 {
        let parts = i128::from(frame) * i128::from(self.network) - i128::from(self.lead);
        let next = parts.div_euclid(i128::from(self.host)) - i128::from(self.delay);
        i64::try_from(next).unwrap_or(0)
    }

    /// `frames` host frames, at most a chunk.
    fn run(&mut self, network: &mut Lanes, input: &[&[f32]], output: &mut [&mut [f32]], frames: usize) -> Fault {
        self.before.push(input, frames);
        // The network's frames up to the time of the last of these.
        let host_frames = i64::try_from(frames).unwrap_or(0);
        let last = self.lead + (host_frames - 1) * self.network;
        let count = if last < 0 { 0 } else { last / self.host + 1 };
        self.lead += host_frames * self.network - count * self.host;
        let count = usize::try_from(count).unwrap_or(0);

        let mut own_input = heads_mut(&mut self.input, count);
        self.before.pull(own_input.get_mut(..input.len()).unwrap_or(&mut []));
        let own_input = heads(&self.input, count);
        let mut own_output = heads_mut(&mut self.output, count);
        let fault = network.run(
            own_input.get(..input.len()).unwrap_or(&[]),
            own_output.get_mut(..output.len()).unwrap_or(&mut []),
            count,
        );
        let own_output = heads(&self.output, count);
        self.behind.push(own_output.get(..output.len()).unwrap_or(&[]), count);
        self.behind.pull(output);
        fault
    }
}

#[cfg(test)]
fn through(converter: &mut Converter, input: &[f32], chunk: usize, (step, parts): (i64, i64)) -> Vec<f32> {
    let (mut output, mut lead) = (Vec::new(), 0);
    for piece in input.chunks(chunk) {
        converter.push(&[piece], piece.len());
        let frames = i64::try_from(piece.len()).expect("short");
        let last = lead + (frames - 1) * step;
        let count = if last < 0 { 0 } else { last / parts + 1 };
        lead += frames * step - count * parts;
        let begin = output.len();
        output.resize(begin + usize::try_from(count).expect("positive"), 0.0);
        converter.pull(&mut [&mut output[begin..]]);
    }
    output
}

impl Processor for Adapter {
    fn facts(&self) -> Facts {
        self.facts
    }

    fn reset(&mut self) {
        self.network.reset();
        if let Some(filters) = &mut self.filters {
            filters.reset();
        }
        self.seek(0);
    }

    fn set_knob(&mut self, index: usize, value: f32) {
        self.network.set_knob(index, value);
    }

    fn seek(&mut self, frame: i64) {
        let next = self.filters.as_ref().map_or(frame, |filters| filters.next(frame));
        self.network.seek(next);
    }

    fn meters(&mut self) -> [f32; MAX_METERS] {
        self.network.meters()
    }

    fn process(&mut self, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        let Some(frames) = block_frames(&self.facts, input, output) else {
            silence(output);
            return Fault::BadBlock;
        };
        let _guard = FlushDenormals::new();
        let (network, filters) = (&mut self.network, &mut self.filters);
        let mut fault = Fault::None;
        let mut done = 0;
        while done < frames {
            let now = (frames - done).min(self.chunk);
            let mut channels: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
            let count = cut(input, done, now, &mut channels);
            let part = channels.get(..count).unwrap_or(&[]);
            let piece = with_cut_mut(output, done, now, |output| match filters {
                Some(filters) => filters.run(network, part, output, now),
                None => network.run(part, output, now),
            });
            fault = fault.worst(piece);
            done += now;
        }
        fault
    }
}
