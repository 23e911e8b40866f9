//! One slot: connected to the server as long as the worker works, for one attempt after the other.

use super::connection::{Connection, Refused};
use super::shared::{Phase, Worker};
use anyhow::{Context, bail};
use fieldstone_engine::talk::{Order, SILENCE, Word};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Pauses between tries to connect: the first, which doubles, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long the server may take to let a worker go.
const FAREWELL: Duration = Duration::from_secs(5);

/// One of a worker's slots.
pub struct Slot {
    pub(super) worker: Arc<Worker>,
    pub(super) number: usize,
    pub(super) phase: watch::Receiver<Phase>,
    pause: Duration,
}

impl Slot {
    pub(super) fn new(worker: Arc<Worker>, number: usize) -> Slot {
        let phase = worker.phase.clone();
        Slot { worker, number, phase, pause: FIRST_PAUSE }
    }

    /// Works until the worker goes; an error when the server does not want it.
    pub(super) async fn serve(mut self) -> anyhow::Result<()> {
        while *self.phase.borrow_and_update() == Phase::Working {
            let Err(e) = self.session().await else { return Ok(()) };
            if e.is::<Refused>() {
                return Err(e);
            }
            // With jitter: after a server's restart not all come at the same moment.
            let pause = self.pause.mul_f64(rand::random_range(0.5..1.0));
            tracing::warn!("slot {} connects again in {pause:.1?}: {e:#}", self.number);
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            tokio::select! {
                () = sleep(pause) => {}
                _ = self.phase.changed() => {}
            }
        }
        Ok(())
    }

    /// One connection, to its end; in order when the worker goes.
    async fn session(&mut self) -> anyhow::Result<()> {
        let mut connection = self.worker.server.connect().await?;
        connection.say(&Word::Hello(self.worker.hello.clone())).await?;
        match timeout(SILENCE, connection.order()).await.context("the server says nothing")?? {
            Order::Welcome => {}
            Order::Refused(why) => return Err(Refused(why).into()),
            order => bail!("the server greets with {order:?}"),
        }
        tracing::info!("slot {} is connected", self.number);
        self.pause = FIRST_PAUSE;
        loop {
            if *self.phase.borrow_and_update() != Phase::Working {
                return farewell(connection).await;
            }
            tokio::select! {
                order = connection.order() => match order? {
                    Order::Run(errand) => {
                        self.worker.usage.begin();
                        let ran = self.run(&mut connection, *errand).await;
                        self.worker.usage.end();
                        ran?;
                    }
                    // Of an attempt that had just ended.
                    Order::Cancel => {}
                    order => bail!("the server says {order:?} to an idle slot"),
                },
                changed = self.phase.changed() => changed?,
            }
        }
    }
}

/// Leaves in order: an attempt that was on its way goes back.
async fn farewell(mut connection: Connection) -> anyhow::Result<()> {
    connection.say(&Word::Leaving).await?;
    let closed = async {
        while let Ok(order) = connection.order().await {
            if matches!(order, Order::Run(_)) {
                connection.say(&Word::GivenBack).await?;
            }
        }
        anyhow::Ok(())
    };
    // Whether it has closed or takes too long: nothing is left to be said.
    timeout(FAREWELL, closed).await.unwrap_or(Ok(()))
}
