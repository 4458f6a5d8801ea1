//! Sessions that are resumed with early data: who comes back is heard at once, and nobody else is.
//!
//! The adversary here sees every datagram, holds some back and sends them again from elsewhere; TLS keeps the rest from
//! him. What a ticket once proved is not enough either: control and dates are asked anew each time.

use super::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64};
use tokio::net::UdpSocket;

/// Ends all sessions of a device in good order; its inferiors dial again.
async fn hang_up(node: &Node) {
    let end = |engine: &mut Engine<MemoryStore>| {
        let all: Vec<_> = engine.sessions().map(|(number, _)| number).collect();
        all.into_iter().for_each(|number| engine.end(number, Farewell::Stopping));
    };
    node.writer.with(end).await.expect("runs");
}

async fn until_back(net: &Net<MemoryStore>, resumed: bool) {
    net.dial_now();
    until("it is back", || async {
        peer(net, 0).await.is_some_and(|peer| peer.connected && peer.agreed && peer.resumed == resumed)
    })
    .await;
}

#[tokio::test]
async fn a_device_that_comes_back_resumes_and_says_at_once_what_is_new() {
    let paper = Paper::new(100);
    let [city, village] = [CITY, VILLAGE].map(|device| paper.fresh(device));
    paper.found(&city).await;
    let city_net = city.join_net(true, Vec::new());
    let net = village.join_net(false, vec![to(&city_net)]);
    until_agreed(&net).await;
    assert!(!peer(&net, 0).await.expect("a row").resumed, "there is nothing to resume the first time");
    for round in 1..=4 {
        hang_up(&city).await;
        until("the village knows", || async { peer(&net, 0).await.is_some_and(|peer| !peer.connected) }).await;
        village.add_households(village_place(), 5, 60).await;
        city.add_households(village_place(), 1, 60).await;
        until_back(&net, true).await;
        until_equal(&village, &city).await;
        assert_eq!([city.households().await, village.households().await], [6 * round; 2]);
    }
    assert!(peer(&city_net, 0).await.expect("a row").resumed, "both sides know");
}

#[tokio::test]
async fn a_restarted_acceptor_has_forgotten_the_session_and_hears_everything_all_the_same() {
    let paper = Paper::new(100);
    let [city, village] = [CITY, VILLAGE].map(|device| paper.fresh(device));
    paper.found(&city).await;
    let city_net = city.join_net(true, Vec::new());
    let listen = city_net.local_addr();
    let net = village.join_net(false, vec![to(&city_net)]);
    until_agreed(&net).await;
    city_net.stop().await;
    village.add_households(village_place(), 5, 60).await;
    let config = NetConfig { listen, parents: Vec::new(), seed: city.seed };
    let _city_net = Net::start(city.writer.clone(), config, None).expect("the address is free again");
    until_back(&net, false).await;
    until_equal(&village, &city).await;
    assert_eq!(city.households().await, 5);
    // The whole handshake brought new tickets.
    hang_up(&city).await;
    until_back(&net, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_revoked_between_two_connections_is_refused_although_it_resumes() {
    let paper = Paper::new(100);
    let city = paper.fresh(CITY);
    paper.found(&city).await;
    let village = paper.node(VILLAGE, MemoryStore::new(5), faster(10));
    let city_net = city.join_net(true, Vec::new());
    let relay = Relay::start(city_net.local_addr().expect("listens"), Link::default(), Link::default(), 7).expect("a relay");
    let net = village.join_net(false, vec![through(&relay)]);
    until_agreed(&net).await;
    relay.cut();
    city.add_households(village_place(), 4, 60).await;
    let key = village.key();
    let record: RecordId =
        city.writer.with(move |engine| engine.replica().control().devices[&key].record).await.expect("runs").expect("a record");
    let draft = city::revoke(paper.areas[0].id, record, "lost", Vec::new());
    city.writer.commit(vec![action(vec![draft])]).await.expect("revokes");
    village.add_households(village_place(), 1, 60).await;
    until("the village gives up", || async { peer(&net, 0).await.is_some_and(|peer| !peer.connected) }).await;
    relay.heal();
    until("it knows", || async {
        village.writer.with(move |engine| engine.replica().control().is_revoked(&key)).await.expect("runs")
    })
    .await;
    let seen = peer(&net, 0).await.expect("a row");
    assert!(seen.resumed, "TLS took the ticket");
    // It sent its household with the ticket, before it could know. That came before anything the city answered.
    assert_eq!(city.households().await, 4, "what a revoked device sends is not taken");
    assert!(village.households().await <= 1, "it got none of the city's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_expired_between_two_connections_is_refused_although_it_resumes() {
    let paper = Paper::new(100);
    let later_ms = Arc::new(AtomicI64::new(0));
    let (real, skip) = (Clock::real(), later_ms.clone());
    let clock = Clock::of(move || Now { wall_ms: real.now().wall_ms + skip.load(Ordering::Relaxed), ..real.now() });
    let city = paper.node(CITY, MemoryStore::new(77), clock);
    let village = paper.fresh(VILLAGE);
    paper.found(&city).await;
    let city_net = city.join_net(true, Vec::new());
    let net = village.join_net(false, vec![to(&city_net)]);
    until_agreed(&net).await;
    city.add_households(village_place(), 2, 60).await;
    until_equal(&village, &city).await;
    // Its certificate ends on day 60,000.
    later_ms.store(60_001 * 86_400_000, Ordering::Relaxed);
    hang_up(&city).await;
    until("the village knows", || async { peer(&net, 0).await.is_some_and(|peer| !peer.connected) }).await;
    city.add_households(village_place(), 4, 60).await;
    village.add_households(village_place(), 1, 60).await;
    net.dial_now();
    let expired = Some(Trouble::Ended(Farewell::Expired));
    until("it is sent away", || async { peer(&net, 0).await.is_some_and(|peer| peer.last_error == expired) }).await;
    assert!(peer(&net, 0).await.expect("a row").resumed, "TLS took the ticket");
    assert_eq!(city.households().await, 6, "what an expired device sends is not taken before it is renewed");
    assert_eq!(village.households().await, 3, "it got nothing more of the city's");
}

/// A line on which somebody listens, who can also hold everything back.
struct Tap {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    holds_back: Arc<AtomicBool>,
}

impl Tap {
    /// Between one dialler and this device; each dial comes from a socket of its own.
    async fn on(upstream: SocketAddr) -> Tap {
        let listener = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("binds"));
        let address = listener.local_addr().expect("bound");
        let tap = Tap { address, heard: Arc::default(), holds_back: Arc::default() };
        let (heard, holds_back) = (tap.heard.clone(), tap.holds_back.clone());
        tokio::spawn(async move {
            let mut bytes = [0; 2048];
            let mut last: Option<(SocketAddr, Arc<UdpSocket>)> = None;
            while let Ok((size, from)) = listener.recv_from(&mut bytes).await {
                heard.lock().expect("sound").push(bytes[..size].to_vec());
                if holds_back.load(Ordering::Relaxed) {
                    continue;
                }
                let socket = match last.take().filter(|(client, _)| *client == from) {
                    Some((_, socket)) => socket,
                    None => {
                        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("binds"));
                        socket.connect(upstream).await.expect("connects");
                        tokio::spawn(answers(socket.clone(), listener.clone(), from));
                        socket
                    }
                };
                // A device that stopped answers nothing; that is no fault of the line.
                let _ = socket.send(&bytes[..size]).await;
                last = Some((from, socket));
            }
        });
        tap
    }

    /// What was heard since last asked.
    fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.heard.lock().expect("sound"))
    }
}

async fn answers(from: Arc<UdpSocket>, listener: Arc<UdpSocket>, to: SocketAddr) {
    let mut bytes = [0; 2048];
    while let Ok(size) = from.recv(&mut bytes).await {
        let _ = listener.send_to(&bytes[..size], to).await;
    }
}

/// What was said before any answer: the first Initial packet, and the packets of early data behind it.
fn first_flight(heard: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    // The type of a packet with a long header (RFC 9000, section 17.2): 0 Initial, 1 early data.
    let is_early = |datagram: &Vec<u8>| datagram.first().is_some_and(|byte| byte >> 7 == 1 && byte >> 4 & 3 == 1);
    let mut heard = heard.into_iter();
    heard.next().into_iter().chain(heard.filter(is_early)).collect()
}

/// Sends datagrams of others from a new place until the device there answers: while it remembers the connection that
/// they belonged to, it takes them for stale packets of that one.
async fn repeat(flight: &[Vec<u8>], to: SocketAddr) {
    let stranger = UdpSocket::bind("127.0.0.1:0").await.expect("binds");
    let start = Instant::now();
    let mut answer = [0; 2048];
    loop {
        for datagram in flight {
            stranger.send_to(datagram, to).await.expect("sends");
        }
        if tokio::time::timeout(Duration::from_millis(100), stranger.recv(&mut answer)).await.is_ok() {
            break;
        }
        assert!(start.elapsed() < Duration::from_millis(PATIENCE_MS), "nobody answers the stranger");
    }
}

/// The number of a device's latest connection.
async fn number(node: &Node) -> Option<u64> {
    node.writer.with(|engine| engine.sessions().map(|(number, _)| number).last()).await.expect("runs")
}

async fn sessions(node: &Node) -> usize {
    node.writer.with(|engine| engine.sessions().count()).await.expect("runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_device_said_early_is_heard_once_although_others_say_it_again() {
    let paper = Paper::new(100);
    let [city, village] = [CITY, VILLAGE].map(|device| paper.fresh(device));
    paper.found(&city).await;
    let city_net = city.join_net(true, Vec::new());
    let tap = Tap::on(city_net.local_addr().expect("listens")).await;
    let net = village.join_net(false, vec![tap.address.to_string().into()]);
    until_agreed(&net).await;
    hang_up(&city).await;
    until("the village knows", || async { peer(&net, 0).await.is_some_and(|peer| !peer.connected) }).await;
    tap.take();
    village.add_households(village_place(), 1, 60).await;
    until_back(&net, true).await;
    until_equal(&village, &city).await;
    let flight = first_flight(tap.take());
    net.stop().await;
    until("the city knows", || async { sessions(&city).await == 0 }).await;
    let entries = city.digests().await;
    repeat(&flight, city_net.local_addr().expect("listens")).await;
    // The ticket is used up: the city asks for a proof that only the village can give, and waits for it in vain.
    assert_eq!(sessions(&city).await, 0, "nobody talks to the stranger");
    assert_eq!(city.digests().await, entries);
    assert!(peer(&city_net, 0).await.is_some_and(|peer| !peer.connected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_words_that_were_held_back_and_said_by_others_push_nobody_out() {
    let paper = Paper::new(100);
    let [city, village] = [CITY, VILLAGE].map(|device| paper.fresh(device));
    paper.found(&city).await;
    let city_net = city.join_net(true, Vec::new());
    let tap = Tap::on(city_net.local_addr().expect("listens")).await;
    let net = village.join_net(false, vec![tap.address.to_string().into()]);
    until_agreed(&net).await;
    hang_up(&city).await;
    until("the village knows", || async { peer(&net, 0).await.is_some_and(|peer| !peer.connected) }).await;
    village.add_households(village_place(), 1, 60).await;
    tap.take();
    tap.holds_back.store(true, Ordering::Relaxed);
    net.dial_now();
    until("nobody answers", || async { peer(&net, 0).await.is_some_and(|peer| peer.last_error == Some(Trouble::NoAnswer)) })
        .await;
    let flight = first_flight(tap.take());
    tap.holds_back.store(false, Ordering::Relaxed);
    net.dial_now();
    until_agreed(&net).await;
    village.add_households(village_place(), 1, 60).await;
    until_equal(&village, &city).await;
    let connection = number(&village).await;
    // The ticket was never used: the city takes the words for the village's, which they are, and answers the village's
    // key. The village's own connection stays, because the stranger cannot prove to be the village.
    repeat(&flight, city_net.local_addr().expect("listens")).await;
    until("the city gives the stranger up", || async { sessions(&city).await == 1 }).await;
    village.add_households(village_place(), 1, 60).await;
    until_equal(&village, &city).await;
    assert_eq!(city.households().await, 3);
    assert!(city.writer.with(|engine| engine.replica().forked().is_empty()).await.expect("runs"));
    assert_eq!(number(&village).await, connection, "it is the same connection as before");
}
