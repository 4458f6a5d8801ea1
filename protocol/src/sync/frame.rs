//! Frames: runs of entries, compressed with a context that runs on across the frames of one lane in a connection.
//!
//! The context makes the second household cost a fraction of the first. Its window is bounded, and so is what a frame
//! may inflate to: the receiver inflates into a buffer of the declared size and not a byte more.

use crate::entry::Run;
use crate::limits;
use crate::record::Lane;
use zstd::stream::raw::{CParameter, DParameter, Decoder, Encoder, InBuffer, Operation, OutBuffer};

/// Base-2 logarithm of the compression window (bytes): 256 KiB for each lane and direction.
const WINDOW_LOG: u32 = 18;
/// Level of compression: the level at which a cheap laptop still keeps a fast link full.
const LEVEL: i32 = 6;

/// Why a frame is no good. The connection ends: its contexts are no longer in step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// It does not inflate to what it declares.
    #[error("a frame does not inflate to its declared size")]
    Inflate,
    /// Its content is no list of runs.
    #[error("a frame's content cannot be read")]
    Malformed,
    /// The compressor failed.
    #[error("a frame could not be compressed")]
    Compress,
}

/// Writes the frames of one direction of one connection.
#[derive(Default)]
pub struct FrameWriter {
    lanes: [Option<Encoder<'static>>; Lane::ALL.len()],
}

/// Reads the frames of one direction of one connection.
#[derive(Default)]
pub struct FrameReader {
    lanes: [Option<Decoder<'static>>; Lane::ALL.len()],
}

impl FrameWriter {
    /// Compresses runs; returns the bytes and the size they inflate to.
    pub fn write(&mut self, lane: Lane, runs: &[Run]) -> Result<(Vec<u8>, u32), FrameError> {
        let raw = postcard::to_allocvec(runs).map_err(|_| FrameError::Compress)?;
        let slot = &mut self.lanes[usize::from(lane.number())];
        let encoder = match slot {
            Some(encoder) => encoder,
            None => {
                let mut encoder = Encoder::new(LEVEL).map_err(|_| FrameError::Compress)?;
                encoder.set_parameter(CParameter::WindowLog(WINDOW_LOG)).map_err(|_| FrameError::Compress)?;
                slot.insert(encoder)
            }
        };
        let mut out = vec![0; raw.len() + raw.len() / 64 + 1024];
        let mut buffer = OutBuffer::around(&mut out[..]);
        let mut input = InBuffer::around(&raw);
        while input.pos() < raw.len() {
            encoder.run(&mut input, &mut buffer).map_err(|_| FrameError::Compress)?;
        }
        if encoder.flush(&mut buffer).map_err(|_| FrameError::Compress)? != 0 {
            return Err(FrameError::Compress);
        }
        let written = buffer.pos();
        out.truncate(written);
        Ok((out, u32::try_from(raw.len()).map_err(|_| FrameError::Compress)?))
    }
}

impl FrameReader {
    /// Inflates and reads runs.
    pub fn read(&mut self, lane: Lane, inflated: u32, bytes: &[u8]) -> Result<Vec<Run>, FrameError> {
        if inflated as usize > limits::FRAME_INFLATED_MAX {
            return Err(FrameError::Inflate);
        }
        let slot = &mut self.lanes[usize::from(lane.number())];
        let decoder = match slot {
            Some(decoder) => decoder,
            None => {
                let mut decoder = Decoder::new().map_err(|_| FrameError::Inflate)?;
                decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG)).map_err(|_| FrameError::Inflate)?;
                slot.insert(decoder)
            }
        };
        // One byte more than declared, so that a frame which inflates to more is seen.
        let mut out = vec![0; inflated as usize + 1];
        let mut buffer = OutBuffer::around(&mut out[..]);
        let mut input = InBuffer::around(bytes);
        loop {
            let (consumed, produced) = (input.pos(), buffer.pos());
            decoder.run(&mut input, &mut buffer).map_err(|_| FrameError::Inflate)?;
            if buffer.pos() > inflated as usize || (input.pos(), buffer.pos()) == (consumed, produced) {
                break;
            }
        }
        if input.pos() != bytes.len() || buffer.pos() != inflated as usize {
            return Err(FrameError::Inflate);
        }
        out.truncate(inflated as usize);
        postcard::from_bytes(&out).map_err(|_| FrameError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::area::{AreaId, Tier};
    use crate::device::{DeviceKey, Incarnation, Signature};
    use crate::entry::{Content, Entry, LogId, Pair};
    use crate::record::Place;

    fn run(n: u8, length: usize) -> Run {
        let place = Place { area: AreaId::from_raw(1), lane: Lane::Registry, floor: Tier::Village };
        let log = LogId { place, device: DeviceKey([1; 32]), incarnation: Incarnation([2; 16]) };
        let pair = Pair { record: vec![n], content: Content::Raw((0..length).map(|i| (i as u8).wrapping_mul(n)).collect()) };
        Run {
            log,
            first: u64::from(n),
            entries: vec![Entry { header: vec![n; 40], pairs: vec![pair] }],
            signature: Signature([n; 64]),
        }
    }

    #[test]
    fn frames_read_back_in_order_and_later_ones_are_smaller() {
        let (mut writer, mut reader) = (FrameWriter::default(), FrameReader::default());
        let mut sizes = Vec::new();
        for n in 0..40 {
            let runs = vec![run(3, 900), run(n, 20)];
            let (bytes, inflated) = writer.write(Lane::Registry, &runs).expect("compresses");
            sizes.push(bytes.len());
            assert_eq!(reader.read(Lane::Registry, inflated, &bytes).expect("reads"), runs);
        }
        assert!(sizes[1] * 2 < sizes[0], "{sizes:?}");
    }

    #[test]
    fn a_frame_that_lies_about_its_size_is_refused() {
        let (bytes, inflated) = FrameWriter::default().write(Lane::Casework, &[run(1, 4000)]).expect("compresses");
        for declared in [0, 1, inflated - 1, inflated + 1, u32::MAX] {
            assert_eq!(FrameReader::default().read(Lane::Casework, declared, &bytes), Err(FrameError::Inflate), "{declared}");
        }
        let bomb = zstd::bulk::compress(&vec![0; 50_000_000], 1).expect("compresses");
        assert_eq!(FrameReader::default().read(Lane::Casework, 1000, &bomb), Err(FrameError::Inflate));
    }

    #[test]
    fn noise_never_panics() {
        let (bytes, inflated) = FrameWriter::default().write(Lane::Casework, &[run(1, 400)]).expect("compresses");
        for i in 0..bytes.len() {
            for bit in 0..8 {
                let mut noisy = bytes.clone();
                noisy[i] ^= 1 << bit;
                let _ = FrameReader::default().read(Lane::Casework, inflated, &noisy);
            }
        }
    }
}
