//! [`Gate`]: the way to a server, which can be closed: then nobody listens at its address.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::application::Result;

pub(crate) struct Gate {
    address: SocketAddr,
    server: SocketAddr,
    forwarding: JoinHandle<()>,
}

impl Gate {
    /// An open gate to this server.
    pub(crate) async fn to(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        Ok(Self { address, server, forwarding: tokio::spawn(forward(listener, server)) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts all connections, and takes no more.
    pub(crate) async fn close(&mut self) {
        self.forwarding.abort();
        // Cancelled, as asked.
        let _ = (&mut self.forwarding).await;
    }

    pub(crate) async fn open(&mut self) -> Result {
        let listener = TcpListener::bind(self.address).await?;
        self.forwarding = tokio::spawn(forward(listener, self.server));
        Ok(())
    }
}

async fn forward(listener: TcpListener, server: SocketAddr) {
    // Aborts its tasks when it is dropped.
    let mut connections = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        connections.spawn(async move {
            if let Ok(mut server) = TcpStream::connect(server).await {
                // An error means that one of the two has gone.
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}
