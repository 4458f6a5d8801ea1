//! A locked node that has no key file: the page where somebody types the passphrase.
//!
//! It knows nothing and shows nothing; what was typed goes to the callback, and nowhere else. When the callback
//! opened the node, the page ends and the listener is given back for the real pages; its refusal is shown as it is.

use super::error::{Answer, show, show_as};
use super::guard::{Names, guard};
use super::page::sign_in::SignInPage;
use super::session::{FORM_BYTES_MAX, OpenForm};
use super::view::{Field, Frame, Input};
use super::{ServeError, assets};
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Redirect};
use axum::routing::get;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use zeroize::Zeroizing;

/// Seconds to wait after a wrong passphrase.
const PAUSE_SECONDS: u64 = 2;
/// Characters of a passphrase at most; hashing more would only be slow.
const PASSPHRASE_MAX: usize = 1_024;

type Try<T> = Box<dyn Fn(Zeroizing<String>) -> Pin<Box<dyn Future<Output = Result<T, String>> + Send>> + Send + Sync>;

struct Inner<T> {
    open: Try<T>,
    done: mpsc::Sender<T>,
    // One try at a time: hashing takes memory, and guessing shall take time.
    turn: Mutex<()>,
}

struct Locked<T>(Arc<Inner<T>>);

impl<T> Clone for Locked<T> {
    fn clone(&self) -> Locked<T> {
        Locked(self.0.clone())
    }
}

/// The one listener, for the locked page and then for the real ones.
struct Shared(Arc<TcpListener>);

impl axum::serve::Listener for Shared {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection to the pages was not taken");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

fn page(fault: &str) -> SignInPage {
    SignInPage {
        frame: Frame { title: "解锁".to_owned(), ..Frame::default() },
        title: "解锁这台机器的数据".to_owned(),
        lead: "数据是加密保存的。输入安装时设定的口令，解锁后再登录。".to_owned(),
        fault: fault.to_owned(),
        target: "/unlock".to_owned(),
        fields: vec![Field::text("passphrase", "口令").typed(Input::Password).needed()],
        button: "解锁".to_owned(),
        more: "忘记口令时，用安装时抄下的恢复码；都没有则数据无法打开，请联系上级机构重新安装，数据可从上级取回。".to_owned(),
        other: None,
    }
}

async fn form() -> Answer {
    show(&page(""))
}

async fn unlock<T: Send + 'static>(State(locked): State<Locked<T>>, OpenForm(form): OpenForm) -> Answer {
    let passphrase = Zeroizing::new(form.raw("passphrase"));
    if passphrase.len() > PASSPHRASE_MAX {
        return show_as(StatusCode::UNAUTHORIZED, &page("口令不对，请重新输入。"));
    }
    let _turn = locked.0.turn.lock().await;
    if locked.0.done.is_closed() {
        return Ok(Redirect::to("/sign-in").into_response());
    }
    match (locked.0.open)(passphrase).await {
        Ok(opened) => {
            let _ = locked.0.done.send(opened).await;
            Ok(Redirect::to("/sign-in").into_response())
        }
        Err(why) => {
            tokio::time::sleep(Duration::from_secs(PAUSE_SECONDS)).await;
            show_as(StatusCode::UNAUTHORIZED, &page(&why))
        }
    }
}

/// Asks for the passphrase until `open` opened something; gives the listener back with it.
pub async fn until_unlocked<T, F, A>(listener: TcpListener, open: F) -> Result<(TcpListener, T), ServeError>
where
    T: Send + 'static,
    F: Fn(Zeroizing<String>) -> A + Send + Sync + 'static,
    A: Future<Output = Result<T, String>> + Send + 'static,
{
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(ServeError::NotLoopback(address));
    }
    let listener = Arc::new(listener);
    let (done, mut opened) = mpsc::channel(1);
    let open: Try<T> = Box::new(move |passphrase| Box::pin(open(passphrase)));
    let locked = Locked(Arc::new(Inner { open, done, turn: Mutex::new(()) }));
    let router = Router::new()
        .route("/unlock", get(form).post(unlock::<T>))
        .route("/static/{name}", get(assets::file))
        .route("/healthz", get(super::metrics::healthz))
        .route("/readyz", get(|| async { (StatusCode::SERVICE_UNAVAILABLE, "locked\n") }))
        .fallback(|| async { Redirect::to("/unlock") })
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn_with_state(Names::of(address), guard))
        .with_state(locked);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = axum::serve(Shared(listener.clone()), router).with_graceful_shutdown(async move { drop(stopped.await) });
    let mut served = tokio::spawn(served.into_future());
    let unlocked = tokio::select! {
        unlocked = opened.recv() => unlocked,
        // Only when the socket is gone; the handle must not be asked again.
        _ = &mut served => return Err(ServeError::Io(std::io::Error::other("the page for the passphrase ended"))),
    };
    // The browser gets its answer before the page ends; whoever keeps a connection open does not hold us up.
    let _ = stop.send(());
    if tokio::time::timeout(Duration::from_secs(PAUSE_SECONDS), &mut served).await.is_err() {
        served.abort();
        let _ = served.await;
    }
    match (unlocked, Arc::into_inner(listener)) {
        (Some(unlocked), Some(listener)) => Ok((listener, unlocked)),
        _ => Err(ServeError::Io(std::io::Error::other("the page for the passphrase ended"))),
    }
}
