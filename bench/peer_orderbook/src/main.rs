// The flow of bench_exchange through the crate lobster, an order book without accounts, owners, holds
// or fees: peer_orderbook FLOW.bin prints messages a second, best of three, and trades. Reductions, which it
// does not know, are passed over; an immediate order is a limit order whose rest is cancelled.
use lobster::{OrderBook, OrderEvent, OrderType, Side};
use std::time::Instant;

fn main() {
    let path = std::env::args().nth(1).expect("FLOW.bin");
    let bytes = std::fs::read(path).expect("the flow");
    let numbers: Vec<i64> = bytes
        .chunks_exact(8)
        .map(|b| i64::from_le_bytes(b.try_into().unwrap()))
        .collect();
    let messages = numbers.len() / 5;
    let mut best = f64::MAX;
    let mut trades = 0usize;
    for _ in 0..3 {
        let mut book = OrderBook::default();
        trades = 0;
        let begin = Instant::now();
        for m in numbers.chunks_exact(5) {
            let side = if m[1] == 0 { Side::Bid } else { Side::Ask };
            let id = m[2] as u128;
            let event = match m[0] {
                0 | 3 => book.execute(OrderType::Limit { id, side, qty: m[4] as u64, price: m[3] as u64 }),
                1 => book.execute(OrderType::Cancel { id }),
                _ => continue,
            };
            match event {
                OrderEvent::Filled { fills, .. } => trades += fills.len(),
                OrderEvent::PartiallyFilled { fills, .. } => {
                    trades += fills.len();
                    if m[0] == 3 {
                        book.execute(OrderType::Cancel { id });
                    }
                }
                _ => {}
            }
        }
        best = best.min(begin.elapsed().as_secs_f64());
    }
    println!("{:.0} {}", messages as f64 / best, trades);
}
