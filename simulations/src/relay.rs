//! A bad network between two real processes: a UDP relay on loopback with a seeded link in either direction.
//!
//! It runs in real time, on threads of its own, so that the runtime under measurement does not share its scheduler.
//! For each direction one thread holds the datagrams on their way and sends each when it is due; receiving threads do
//! nothing but count, decide and hand over, so that they never sleep while the kernel's small buffer fills. A link
//! with neither rate nor delay skips the holding thread.
//!
//! The fate of the n-th datagram of a direction depends on the seed and n alone. Its bytes are UDP payload. The
//! standard library cannot enlarge the kernel's receive buffer (about 200 KB on Linux): a sender that fills it before
//! a thread here runs loses datagrams that the relay never counts.
//!
//! ```no_run
//! # use shouwang_simulations::relay::{Link, Relay};
//! # fn main() -> std::io::Result<()> {
//! let link = Link { rate: 64_000, delay_ms: 300, loss: 50, ..Link::default() };
//! let relay = Relay::start("127.0.0.1:4433".parse().expect("an address"), link, link, 1)?;
//! println!("dial {}", relay.address());
//! relay.cut_after(1_000_000);
//! # Ok(())
//! # }
//! ```

use crate::households::SplitMix64;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bytes that wait for a slow link unless [`Link::queue_bytes`] says otherwise.
pub const QUEUE_BYTES: u64 = 32 * 1024;
/// Milliseconds that the queue of a fast link holds, where that is more than [`QUEUE_BYTES`].
const QUEUE_MS: u64 = 100;
/// Bytes on their way in one direction, of a link of whatever rate and delay.
const FLIGHT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Client addresses: each costs a socket and a thread.
const CLIENTS_MAX: usize = 256;
/// How long a receiving thread may take to see that the relay is gone.
const STOP_AFTER: Duration = Duration::from_millis(50);
/// Bytes of stack of one thread: it holds one datagram.
const STACK_BYTES: usize = 256 * 1024;

/// One direction of the network. The default is a perfect link.
#[derive(Clone, Copy, Debug, Default)]
pub struct Link {
    /// Bits of UDP payload a second; 0: unlimited.
    pub rate: u64,
    /// Bytes that may wait for the rate, beyond which arrivals are dropped; 0: [`QUEUE_BYTES`], or 100 ms of the rate
    /// where that is more.
    pub queue_bytes: u64,
    /// Milliseconds from the end of sending to arrival.
    pub delay_ms: u64,
    /// Datagrams in a thousand that are lost behind the queue.
    pub loss: u64,
    /// Datagrams in a thousand that arrive twice.
    pub duplication: u64,
    /// Datagrams in a thousand that are held back behind some that follow them.
    pub reordering: u64,
}

impl Link {
    fn queue(&self) -> u64 {
        match self.queue_bytes {
            0 => QUEUE_BYTES.max(self.rate / 8 * QUEUE_MS / 1000),
            bytes => bytes,
        }
    }

    /// How long the link is busy with so many bytes.
    fn busy(&self, bytes: u64) -> Duration {
        Duration::from_nanos((bytes * 8 * 1_000_000_000).checked_div(self.rate).unwrap_or(0))
    }

    /// How many bytes keep the link busy so long.
    fn bytes(&self, busy: Duration) -> u64 {
        (busy.as_nanos() * u128::from(self.rate) / 8_000_000_000) as u64
    }
}

/// What went through one direction, as atomics that any thread may read.
#[derive(Debug, Default)]
pub struct Counters {
    bytes: AtomicU64,
    datagrams: AtomicU64,
    lost: AtomicU64,
    overflowed: AtomicU64,
    cut: AtomicU64,
    cut_bytes: AtomicU64,
    delivered: AtomicU64,
    delivered_bytes: AtomicU64,
}

/// The values of [`Counters`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes of UDP payload that arrived at the relay while it was not cut: what the sender spent.
    pub bytes: u64,
    /// Datagrams that arrived at the relay while it was not cut.
    pub datagrams: u64,
    /// Of these datagrams, those lost by [`Link::loss`].
    pub lost: u64,
    /// Of these datagrams, those that found no room.
    pub overflowed: u64,
    /// Datagrams that arrived during a cut (not in `datagrams`), or were on their way when it began.
    pub cut: u64,
    /// Bytes of UDP payload that arrived during a cut (not in `bytes`).
    pub cut_bytes: u64,
    /// Datagrams sent on, duplicates included; each is counted a moment after it was sent.
    pub delivered: u64,
    /// Bytes of UDP payload sent on, duplicates included.
    pub delivered_bytes: u64,
}

impl Counters {
    /// The counts since the start or the last [`Counters::reset`].
    pub fn read(&self) -> Counts {
        self.each(|counter| counter.load(Ordering::Relaxed))
    }

    /// Sets all to 0 and gives what they were: nothing is counted twice or missed between two resets.
    pub fn reset(&self) -> Counts {
        self.each(|counter| counter.swap(0, Ordering::Relaxed))
    }

    fn each(&self, take: impl Fn(&AtomicU64) -> u64) -> Counts {
        Counts {
            bytes: take(&self.bytes),
            datagrams: take(&self.datagrams),
            lost: take(&self.lost),
            overflowed: take(&self.overflowed),
            cut: take(&self.cut),
            cut_bytes: take(&self.cut_bytes),
            delivered: take(&self.delivered),
            delivered_bytes: take(&self.delivered_bytes),
        }
    }

    fn add(counter: &AtomicU64, n: usize) {
        counter.fetch_add(n as u64, Ordering::Relaxed);
    }
}

/// A running relay. Dropping it stops its threads and closes its sockets.
pub struct Relay {
    address: SocketAddr,
    network: Arc<Network>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    /// Listens on a free port of 127.0.0.1. What comes from a client goes over `up` to `upstream`, through a socket of
    /// that client's own; what comes back to that socket goes over `down` to the client.
    pub fn start(upstream: SocketAddr, up: Link, down: Link, seed: u64) -> io::Result<Relay> {
        let listener = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?);
        listener.set_read_timeout(Some(STOP_AFTER))?;
        let address = listener.local_addr()?;
        let mut seeds = SplitMix64::new(seed);
        let network = Arc::new(Network {
            up: Direction::new(up, seeds.next_u64()),
            down: Direction::new(down, seeds.next_u64()),
            stopped: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            total: AtomicU64::new(0),
            cut_at: AtomicU64::new(u64::MAX),
        });
        // From here on, dropping `relay` stops what was started if the rest fails.
        let mut relay = Relay { address, network: network.clone(), threads: Vec::new() };
        for (name, toward) in [("relay-up", Toward::Upstream), ("relay-down", Toward::Client)] {
            let network = network.clone();
            relay.threads.push(spawn(name, move || network.direction(toward).deliver(&network.stopped))?);
        }
        relay.threads.push(spawn("relay-listen", move || listen(&network, &listener, upstream))?);
        Ok(relay)
    }

    /// Where clients send to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The counters of what clients send.
    pub fn up(&self) -> Arc<Counters> {
        self.network.up.counters.clone()
    }

    /// The counters of what clients are sent.
    pub fn down(&self) -> Arc<Counters> {
        self.network.down.counters.clone()
    }

    /// Cuts the network: what is on its way and what comes is dropped.
    pub fn cut(&self) {
        self.network.cut();
    }

    /// Ends a cut.
    pub fn heal(&self) {
        self.network.cut.store(false, Ordering::SeqCst);
    }

    /// Whether the network is cut.
    pub fn is_cut(&self) -> bool {
        self.network.is_cut()
    }

    /// Cuts when so many more bytes have arrived, both directions together. The datagram that reaches the number is
    /// dropped. Resetting the counters does not matter.
    pub fn cut_after(&self, bytes: u64) {
        let total = self.network.total.load(Ordering::SeqCst);
        self.network.cut_at.store(total.saturating_add(bytes), Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.network.stopped.store(true, Ordering::SeqCst);
        for direction in [&self.network.up, &self.network.down] {
            // With the lock held, so that a thread between its look at `stopped` and its sleep is not missed.
            let _flight = direction.lock();
            direction.changed.notify_all();
        }
        for thread in self.threads.drain(..) {
            // A thread that panicked has stopped too.
            let _ = thread.join();
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES).spawn(run)
}

#[derive(Clone, Copy)]
enum Toward {
    Upstream,
    Client,
}

struct Network {
    up: Direction,
    down: Direction,
    stopped: AtomicBool,
    cut: AtomicBool,
    /// Bytes arrived outside cuts, both directions, never reset.
    total: AtomicU64,
    /// The `total` at which to cut.
    cut_at: AtomicU64,
}

impl Network {
    fn direction(&self, toward: Toward) -> &Direction {
        match toward {
            Toward::Upstream => &self.up,
            Toward::Client => &self.down,
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }

    fn cut(&self) {
        self.cut_at.store(u64::MAX, Ordering::SeqCst);
        self.cut.store(true, Ordering::SeqCst);
        self.up.drop_flight();
        self.down.drop_flight();
    }

    /// Counts a datagram and sends it on its way to `target`.
    fn carry(&self, toward: Toward, payload: &[u8], target: &Target) {
        let direction = self.direction(toward);
        let counters = &direction.counters;
        if self.is_cut() {
            Counters::add(&counters.cut, 1);
            Counters::add(&counters.cut_bytes, payload.len());
            return;
        }
        Counters::add(&counters.datagrams, 1);
        Counters::add(&counters.bytes, payload.len());
        let total = self.total.fetch_add(payload.len() as u64, Ordering::SeqCst) + payload.len() as u64;
        if total >= self.cut_at.load(Ordering::SeqCst) {
            self.cut();
            Counters::add(&counters.cut, 1);
            return;
        }
        direction.carry(payload, target, &self.cut);
    }
}

/// Where a datagram leaves the relay.
#[derive(Clone)]
struct Target {
    socket: Arc<UdpSocket>,
    /// None for a connected socket.
    address: Option<SocketAddr>,
}

struct Direction {
    link: Link,
    counters: Arc<Counters>,
    flight: Mutex<Flight>,
    /// Something earlier is due, or the relay stops.
    changed: Condvar,
}

/// The datagrams on their way in one direction.
struct Flight {
    random: SplitMix64,
    /// By when they are due, then in order of arrival.
    waiting: BinaryHeap<Reverse<Waiting>>,
    bytes: usize,
    arrivals: u64,
    /// When the link has sent everything that waits for its rate.
    free_at: Instant,
}

struct Waiting {
    due: Instant,
    arrival: u64,
    payload: Vec<u8>,
    target: Target,
}

impl Ord for Waiting {
    fn cmp(&self, other: &Waiting) -> std::cmp::Ordering {
        (self.due, self.arrival).cmp(&(other.due, other.arrival))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Waiting) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Waiting) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}

/// What chance does to one datagram.
struct Fate {
    lost: bool,
    twice: bool,
    /// Times that it is held back; 0: not.
    held: u32,
}

impl Fate {
    /// Always the same number of draws, so that the n-th fate does not depend on the link.
    fn draw(random: &mut SplitMix64, link: &Link) -> Fate {
        let lost = random.below(1000) < link.loss;
        let twice = random.below(1000) < link.duplication;
        let reordered = random.below(1000) < link.reordering;
        let held = 1 + random.below(3) as u32;
        Fate { lost, twice, held: if reordered { held } else { 0 } }
    }
}

impl Direction {
    fn new(link: Link, seed: u64) -> Direction {
        let random = SplitMix64::new(seed);
        let flight = Flight { random, waiting: BinaryHeap::new(), bytes: 0, arrivals: 0, free_at: Instant::now() };
        Direction { link, counters: Arc::default(), flight: Mutex::new(flight), changed: Condvar::new() }
    }

    /// The flight is whole between any two statements, so a panic of another thread does not matter.
    fn lock(&self) -> MutexGuard<'_, Flight> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drop_flight(&self) {
        let mut flight = self.lock();
        Counters::add(&self.counters.cut, flight.waiting.len());
        flight.waiting.clear();
        flight.bytes = 0;
        flight.free_at = Instant::now();
    }

    fn carry(&self, payload: &[u8], target: &Target, cut: &AtomicBool) {
        let link = &self.link;
        let mut flight = self.lock();
        if cut.load(Ordering::SeqCst) {
            // The cut came between the count and here, and the flight is empty by now or will be.
            Counters::add(&self.counters.cut, 1);
            return;
        }
        let fate = Fate::draw(&mut flight.random, link);
        // Taken under the lock: times of one direction never go back, and so nothing overtakes.
        let now = Instant::now();
        let start = flight.free_at.max(now);
        let backlog = link.bytes(start - now);
        let length = payload.len() as u64;
        // A datagram larger than the whole queue still gets through an idle link.
        if backlog > 0 && backlog + length > link.queue() || flight.bytes + 2 * payload.len() > FLIGHT_BYTES_MAX {
            Counters::add(&self.counters.overflowed, 1);
            return;
        }
        let busy = link.busy(length);
        flight.free_at = start + busy;
        if fate.lost {
            Counters::add(&self.counters.lost, 1);
            return;
        }
        let copies = 1 + usize::from(fate.twice);
        if link.rate == 0 && link.delay_ms == 0 && fate.held == 0 {
            drop(flight);
            for _ in 0..copies {
                self.send(payload, target);
            }
            return;
        }
        // Held back long enough that the next datagrams of a busy link pass.
        let held = busy.max(Duration::from_millis(5)) * fate.held;
        let due = flight.free_at + Duration::from_millis(link.delay_ms) + held;
        let earlier = flight.waiting.peek().is_none_or(|Reverse(first)| due < first.due);
        for _ in 0..copies {
            let arrival = flight.arrivals;
            flight.arrivals += 1;
            flight.bytes += payload.len();
            flight.waiting.push(Reverse(Waiting { due, arrival, payload: payload.to_vec(), target: target.clone() }));
        }
        drop(flight);
        if earlier {
            self.changed.notify_one();
        }
    }

    /// Sends what is due until `stopped`.
    fn deliver(&self, stopped: &AtomicBool) {
        let mut flight = self.lock();
        while !stopped.load(Ordering::SeqCst) {
            let now = Instant::now();
            let wait = flight.waiting.peek().map(|Reverse(first)| first.due.saturating_duration_since(now));
            match wait {
                None => flight = self.changed.wait(flight).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => {
                    if let Some(Reverse(first)) = flight.waiting.pop() {
                        flight.bytes -= first.payload.len();
                        drop(flight);
                        self.send(&first.payload, &first.target);
                        flight = self.lock();
                    }
                }
                Some(wait) => {
                    let woken = self.changed.wait_timeout(flight, wait);
                    flight = woken.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    fn send(&self, payload: &[u8], target: &Target) {
        let sent = match target.address {
            Some(address) => target.socket.send_to(payload, address),
            None => target.socket.send(payload),
        };
        // A datagram that the kernel does not take is lost, as in any network: most often the other process is down.
        if sent.is_ok() {
            Counters::add(&self.counters.delivered, 1);
            Counters::add(&self.counters.delivered_bytes, payload.len());
        }
    }
}

/// Receives from the clients, until the relay stops; then waits for the threads of their upstream sockets.
fn listen(network: &Arc<Network>, listener: &Arc<UdpSocket>, upstream: SocketAddr) {
    let mut clients: BTreeMap<SocketAddr, Target> = BTreeMap::new();
    let mut threads = Vec::new();
    receive(network, listener, |payload, from| {
        if let Some(target) = clients.get(&from) {
            network.carry(Toward::Upstream, payload, target);
        } else if clients.len() < CLIENTS_MAX
            && let Ok((target, thread)) = client(network, listener, upstream, from)
        {
            threads.push(thread);
            network.carry(Toward::Upstream, payload, &target);
            clients.insert(from, target);
        } else {
            Counters::add(&network.up.counters.overflowed, 1);
        }
    });
    for thread in threads {
        let _ = thread.join();
    }
}

/// The upstream socket of a new client, and the thread that carries what comes back.
fn client(
    network: &Arc<Network>,
    listener: &Arc<UdpSocket>,
    upstream: SocketAddr,
    from: SocketAddr,
) -> io::Result<(Target, JoinHandle<()>)> {
    let socket = Arc::new(match upstream {
        SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?,
        SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?,
    });
    socket.connect(upstream)?;
    socket.set_read_timeout(Some(STOP_AFTER))?;
    let back = Target { socket: listener.clone(), address: Some(from) };
    let (network, from_upstream) = (network.clone(), socket.clone());
    let thread = spawn("relay-client", move || {
        receive(&network, &from_upstream, |payload, _| network.carry(Toward::Client, payload, &back));
    })?;
    Ok((Target { socket, address: None }, thread))
}

/// Hands each datagram of `socket` to `take`, until the relay stops.
fn receive(network: &Network, socket: &UdpSocket, mut take: impl FnMut(&[u8], SocketAddr)) {
    let mut buffer = vec![0; usize::from(u16::MAX)];
    while !network.is_stopped() {
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => take(&buffer[..length], from),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            // Nobody listens upstream just now: the next datagram may find somebody. Without the pause an error that
            // stays would keep a core busy.
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than any wait on a busy machine; never waited for in full.
    const PATIENCE: Duration = Duration::from_secs(20);
    /// How long one of several attempts may take.
    const ATTEMPT: Duration = Duration::from_millis(200);

    fn socket() -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket
    }

    /// A relay to `server`, and a client that has reached it.
    fn start(up: Link, down: Link, seed: u64) -> (Relay, UdpSocket, UdpSocket) {
        let (server, client) = (socket(), socket());
        let relay = Relay::start(server.local_addr().expect("an address"), up, down, seed).expect("a relay");
        client.connect(relay.address()).expect("connected");
        (relay, client, server)
    }

    fn number(socket: &UdpSocket) -> (u32, SocketAddr) {
        let mut buffer = [0; 2000];
        let (_, from) = socket.recv_from(&mut buffer).expect("a datagram");
        (u32::from_be_bytes(buffer[..4].try_into().expect("a number")), from)
    }

    fn payload(number: u32, length: usize) -> Vec<u8> {
        let mut payload = vec![0; length];
        payload[..4].copy_from_slice(&number.to_be_bytes());
        payload
    }

    fn until(done: impl Fn() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < PATIENCE, "not in time");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn clients_have_their_own_way_back_and_all_is_counted() {
        let (relay, one, server) = start(Link::default(), Link::default(), 1);
        let two = socket();
        two.connect(relay.address()).expect("connected");
        one.send(&payload(1, 100)).expect("sent");
        let (got, from_one) = number(&server);
        assert_eq!(got, 1);
        two.send(&payload(2, 50)).expect("sent");
        let (got, from_two) = number(&server);
        assert_eq!(got, 2);
        server.send_to(&payload(11, 10), from_one).expect("sent");
        server.send_to(&payload(12, 20), from_two).expect("sent");
        assert_eq!((number(&one).0, number(&two).0), (11, 12));

        let (up, down) = (relay.up().read(), relay.down().read());
        assert_eq!((up.bytes, up.datagrams), (150, 2));
        assert_eq!((down.bytes, down.datagrams), (30, 2));
        until(|| relay.up().read().delivered_bytes == 150);
        assert_eq!(relay.up().reset().datagrams, 2);
        assert_eq!(relay.up().read(), Counts::default());
        one.send(&payload(3, 7)).expect("sent");
        assert_eq!(number(&server).0, 3);
        assert_eq!(relay.up().read().bytes, 7);
    }

    #[test]
    fn a_delay_is_kept_without_disorder() {
        let link = Link { delay_ms: 500, ..Link::default() };
        let (relay, client, server) = start(link, link, 1);
        let start = Instant::now();
        // Few enough that they fit in a socket's buffer together.
        for n in 0..50 {
            client.send(&payload(n, 500)).expect("sent");
        }
        let (first, from) = number(&server);
        assert!(start.elapsed() >= Duration::from_millis(500));
        assert_eq!(first, 0);
        assert!((1..50).all(|n| number(&server).0 == n));
        server.send_to(&payload(7, 4), from).expect("sent");
        assert_eq!(number(&client).0, 7);
        assert!(start.elapsed() >= Duration::from_millis(1000));
        until(|| relay.up().read().delivered == 50);
    }

    #[test]
    fn a_rate_holds_and_a_full_queue_drops() {
        // 20 datagrams of 1,000 bytes take 1 s at 160 kbit/s; of 10 that wait at once, the queue takes 5.
        let up = Link { rate: 160_000, queue_bytes: 5_000, ..Link::default() };
        let (relay, client, server) = start(up, Link::default(), 1);
        let start = Instant::now();
        for n in 0..10 {
            client.send(&payload(n, 1000)).expect("sent");
        }
        until(|| relay.up().read().datagrams == 10);
        let taken = 10 - relay.up().read().overflowed;
        // The first is on the link while five wait; a slow sender gives the queue time to drain.
        assert!((5..10).contains(&taken) || start.elapsed() > Duration::from_millis(100), "{taken}");
        let got: Vec<u32> = (0..taken).map(|_| number(&server).0).collect();
        assert!(start.elapsed() >= Duration::from_millis(50 * taken));
        assert!(got.is_sorted());
    }

    #[test]
    fn chance_comes_from_the_seed() {
        let up = Link { loss: 300, duplication: 200, ..Link::default() };
        let run = |seed| {
            let (relay, client, server) = start(up, Link::default(), seed);
            for n in 0..60 {
                client.send(&payload(n, 10)).expect("sent");
            }
            let counters = relay.up();
            until(|| counters.read().datagrams == 60);
            // Without delay, all that was received has been sent on when the threads have ended.
            drop(relay);
            (0..counters.read().delivered).map(|_| number(&server).0).collect::<Vec<u32>>()
        };
        let first = run(5);
        assert_eq!(run(5), first);
        assert_ne!(run(6), first);
        assert!(first.is_sorted());
        assert!(first.windows(2).any(|pair| pair[0] == pair[1]), "none came twice");
        assert!((0..60).any(|n| !first.contains(&n)), "none was lost");
    }

    #[test]
    fn reordering_changes_the_order_only() {
        let up = Link { reordering: 200, delay_ms: 20, ..Link::default() };
        let (_relay, client, server) = start(up, Link::default(), 1);
        for n in 0..100 {
            client.send(&payload(n, 10)).expect("sent");
        }
        let mut got: Vec<u32> = (0..100).map(|_| number(&server).0).collect();
        assert!(!got.is_sorted());
        got.sort_unstable();
        assert!(got.into_iter().eq(0..100));
    }

    #[test]
    fn a_cut_takes_what_is_on_its_way_and_heals() {
        let up = Link { delay_ms: 1500, ..Link::default() };
        let (relay, client, server) = start(up, Link::default(), 1);
        client.send(&payload(1, 100)).expect("sent");
        until(|| relay.up().read().datagrams == 1);
        relay.cut();
        client.send(&payload(2, 100)).expect("sent");
        until(|| relay.up().read().cut == 2);
        relay.heal();
        client.send(&payload(3, 100)).expect("sent");
        assert_eq!(number(&server).0, 3);
        until(|| relay.up().read().delivered_bytes == 100);
        let counts = relay.up().read();
        assert_eq!((counts.bytes, counts.cut_bytes), (200, 100));
    }

    #[test]
    fn a_cut_comes_after_a_number_of_bytes_of_both_directions() {
        let (relay, client, server) = start(Link::default(), Link::default(), 1);
        client.send(&payload(1, 100)).expect("sent");
        let (_, from) = number(&server);
        relay.up().reset();
        relay.cut_after(250);
        client.send(&payload(2, 100)).expect("sent");
        assert_eq!(number(&server).0, 2);
        server.send_to(&payload(3, 100), from).expect("sent");
        assert_eq!(number(&client).0, 3);
        assert!(!relay.is_cut());
        client.send(&payload(4, 50)).expect("sent");
        until(|| relay.is_cut());
        relay.heal();
        client.send(&payload(5, 1000)).expect("sent");
        assert_eq!(number(&server).0, 5, "cut again, or not at the number");
    }

    #[test]
    fn a_fast_link_is_carried() {
        // Half a megabyte at a time, so that no socket buffer of the kernel overflows.
        for link in [Link::default(), Link { delay_ms: 1, ..Link::default() }] {
            let (relay, client, server) = start(link, Link::default(), 1);
            let start = Instant::now();
            let mut received = 0;
            for round in 0..100 {
                for n in 0..40 {
                    client.send(&payload(round * 40 + n, 1200)).expect("sent");
                }
                for n in 0..40 {
                    received += u64::from(number(&server).0 == round * 40 + n);
                }
            }
            let bits = received as f64 * 1200.0 * 8.0 / start.elapsed().as_secs_f64();
            eprintln!("{:.0} Mbit/s", bits / 1e6);
            assert_eq!((received, relay.up().read().overflowed), (4000, 0));
        }
    }

    #[test]
    fn an_upstream_that_comes_later_is_reached() {
        let (relay, client, server) = start(Link::default(), Link::default(), 1);
        let address = server.local_addr().expect("an address");
        drop(server);
        for n in 0..3 {
            client.send(&payload(n, 10)).expect("sent");
        }
        until(|| relay.up().read().datagrams == 3);
        let server = UdpSocket::bind(address).expect("the same port");
        server.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        // The kernel may still report the first refusals on a send.
        let reached = (10..30).any(|n| {
            client.send(&payload(n, 10)).expect("sent");
            server.set_read_timeout(Some(ATTEMPT)).expect("a timeout");
            server.recv(&mut [0; 100]).is_ok()
        });
        assert!(reached);
    }

    #[test]
    fn dropping_frees_the_port_in_the_midst_of_traffic() {
        let slow = Link { rate: 8_000, delay_ms: 60_000, ..Link::default() };
        let (relay, client, _server) = start(slow, slow, 1);
        for n in 0..10 {
            client.send(&payload(n, 1000)).expect("sent");
        }
        until(|| relay.up().read().datagrams == 10);
        let address = relay.address();
        let start = Instant::now();
        drop(relay);
        assert!(start.elapsed() < Duration::from_secs(10), "waited for the datagrams");
        UdpSocket::bind(address).expect("the port is free");
    }
}
