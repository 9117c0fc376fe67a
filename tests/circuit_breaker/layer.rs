//! The breaker around a tower service.

use std::sync::Arc;

use tower::{Layer, Service, ServiceExt, service_fn};

use countersign::circuit_breaker::{CallError, GuardLayer, Verdict};

use crate::world::{Answer, OPEN_TIME, breaker, settings};

#[tokio::test(start_paused = true)]
async fn a_guarded_service_is_refused_after_its_failures_and_works_again_after_a_probe() {
    let breaker = Arc::new(breaker(settings()));
    let layer = GuardLayer::new(Arc::clone(&breaker), Verdict::of::<&str, Answer>);
    let mut service = layer.layer(service_fn(|healthy: bool| async move {
        if healthy { Ok("done") } else { Err(Answer::ConnectionLost) }
    }));

    assert_eq!(service.ready().await.unwrap().call(true).await, Ok("done"));
    for _ in 0..3 {
        let failed = service.ready().await.unwrap().call(false).await;
        assert_eq!(failed, Err(CallError::Failed(Answer::ConnectionLost)));
    }
    let refused = service.ready().await.unwrap().call(true).await;
    assert!(matches!(refused, Err(CallError::Rejected(_))), "{refused:?}");

    tokio::time::advance(OPEN_TIME).await;
    assert_eq!(service.ready().await.unwrap().call(true).await, Ok("done"));
    assert!(breaker.is_closed());
}

#[tokio::test(start_paused = true)]
async fn services_of_one_layer_share_the_breaker() {
    let layer = GuardLayer::new(Arc::new(breaker(settings())), Verdict::of::<(), Answer>);
    let broken = layer.layer(service_fn(|()| async { Err(Answer::ConnectionLost) }));
    let sound = layer.layer(service_fn(|()| async { Ok::<_, Answer>(()) }));

    for _ in 0..3 {
        broken.clone().oneshot(()).await.unwrap_err();
    }

    assert!(matches!(sound.oneshot(()).await, Err(CallError::Rejected(_))));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_answer_gives_its_probe_back() {
    let breaker = Arc::new(breaker(settings()));
    let layer = GuardLayer::new(Arc::clone(&breaker), Verdict::of::<(), Answer>);
    let mut service = layer.layer(service_fn(|()| async { Err(Answer::ConnectionLost) }));
    for _ in 0..3 {
        service.ready().await.unwrap().call(()).await.unwrap_err();
    }
    tokio::time::advance(OPEN_TIME).await;

    drop(service.ready().await.unwrap().call(()));

    assert!(breaker.admit().unwrap().is_probe());
}
