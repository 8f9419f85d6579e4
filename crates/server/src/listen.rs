//! Takes connections, and ends them when it is time.
use crate::{App, dispatch, events, housekeeping, io::Patient, notify, tls::Certificate};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use serde_json::json;
use std::{
    fmt,
    future::poll_fn,
    io,
    net::{SocketAddr, TcpListener},
    pin::pin,
    sync::Arc,
    task::Poll,
    thread,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener as Listener, TcpStream},
    runtime::{Builder, Runtime},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
    time::{sleep, timeout},
};

/// How long to wait for threads that work on something nobody waits for any more.
const END: Duration = Duration::from_secs(1);

/// A server that is running. Dropping it stops it at once; [`Server::stop`] lets requests end before.
pub struct Server {
    app: Arc<App>,
    address: SocketAddr,
    runtime: Option<Runtime>,
    /// Takes connections until it is time, and ends when they have.
    taking: JoinHandle<()>,
    /// Tells browsers what the center does.
    relay: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// Answers whoever connects to `listener`.
    pub fn start(app: App, listener: TcpListener) -> io::Result<Server> {
        let app = Arc::new(app);
        if app.demo {
            app.note("warn", "this is a demo: all images are made up", &[]);
        }
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let certificate = app.settings.tls.clone().map(Certificate::load).transpose()?;
        let runtime = Builder::new_multi_thread()
            .thread_name("serve")
            .worker_threads(2)
            .max_blocking_threads(app.settings.limits.threads.saturating_add(8))
            .enable_io()
            .enable_time()
            .build()?;
        let listener = {
            let _inside = runtime.enter();
            Listener::from_std(listener)?
        };
        let door = Door {
            listener,
            router: dispatch::router(&app),
            places: Arc::new(Semaphore::new(app.settings.limits.connections)),
            certificate: certificate.map(Arc::new),
            app: Arc::clone(&app),
        };
        let taking = runtime.spawn(take(door));
        runtime.spawn(housekeeping::keep(Arc::clone(&app)));
        runtime.spawn(notify::keep(Arc::clone(&app)));
        let (told, reader) = (Arc::clone(&app), app.center.events());
        let relay = thread::Builder::new().name("events".to_owned());
        let relay = Some(relay.spawn(move || events::relay(&told, reader))?);
        Ok(Server { app, address, runtime: Some(runtime), taking, relay })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, lets those end that are being answered, and waits for that, though not for ever.
    pub fn stop(mut self) {
        self.app.stop();
        let Some(runtime) = self.runtime.take() else { return };
        let patience = self.app.settings.limits.stop;
        let ended = runtime.block_on(async { timeout(patience, &mut self.taking).await });
        if ended.is_err() {
            self.app.note("warn", "requests were cut off by the stop", &[]);
        }
        runtime.shutdown_timeout(END);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.app.stop();
        // The store has to be closed by us, after those threads have let go of it: the client for PostgreSQL cannot be
        // dropped where others must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(END);
        }
        if let Some(relay) = self.relay.take() {
            // It ends by itself, and what it panicked with was told when it did.
            drop(relay.join());
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Where connections come in.
struct Door {
    listener: Listener,
    app: Arc<App>,
    router: axum::Router,
    certificate: Option<Arc<Certificate>>,
    places: Arc<Semaphore>,
}

impl Door {
    /// The next connection, with its place among those that may be.
    async fn next(&self) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        // The semaphore is never closed.
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, peer) = self.listener.accept().await?;
        Ok((stream, peer, place))
    }
}

async fn take(door: Door) {
    let graceful = GracefulShutdown::new();
    let mut stopped = pin!(door.app.stopped());
    loop {
        let mut next = pin!(door.next());
        let taken = poll_fn(|cx| match stopped.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => next.as_mut().poll(cx).map(Some),
        });
        match taken.await {
            Some(Ok((stream, peer, place))) => {
                let (app, router) = (Arc::clone(&door.app), door.router.clone());
                let (certificate, watcher) = (door.certificate.clone(), graceful.watcher());
                tokio::spawn(async move {
                    let _place = place;
                    connection(app, router, certificate, stream, peer, watcher).await;
                });
            }
            // No more files may be open, or the other side has gone again: time mends both.
            Some(Err(err)) => {
                let reason = [("reason", json!(err.to_string()))];
                door.app.note("warn", "cannot take a connection", &reason);
                sleep(Duration::from_millis(100)).await;
            }
            None => break,
        }
    }
    graceful.shutdown().await;
}

async fn connection(
    app: Arc<App>,
    router: axum::Router,
    certificate: Option<Arc<Certificate>>,
    stream: TcpStream,
    peer: SocketAddr,
    watcher: Watcher,
) {
    // Small answers are not to wait for company. What does not work here shows when sending.
    drop(stream.set_nodelay(true));
    let Some(certificate) = certificate else {
        return serve(app, router, stream, peer, watcher).await;
    };
    let (acceptor, trouble) = certificate.acceptor();
    if let Some(err) = trouble {
        let reason = [("reason", json!(err.to_string()))];
        app.note("error", "the renewed certificate cannot be used, the old one stays", &reason);
    }
    // Whoever speaks no TLS, or none that is safe, is not worth a line of the log for each try.
    if let Ok(Ok(stream)) = timeout(app.settings.limits.head, acceptor.accept(stream)).await {
        serve(app, router, stream, peer, watcher).await;
    }
}

async fn serve(
    app: Arc<App>,
    router: axum::Router,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    watcher: Watcher,
) {
    let _counted = app.metrics.connections.count();
    let limits = &app.settings.limits;
    let io = TokioIo::new(Patient::new(stream, limits.write));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(limits.head_bytes.max(8 << 10))
        .max_headers(100);
    let answering = hyper::service::service_fn(|request| {
        dispatch::answer(Arc::clone(&app), router.clone(), peer.ip(), request)
    });
    // A line that breaks is the other side's business.
    drop(watcher.watch(http.serve_connection(io, answering)).await);
}
