use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use eframe::egui_glow;
use shared::time::{Clock, Moment, UtcMs};

/// When the painter reached the frame that shows a fresh card.
///
/// A paint callback is laid first into the background layer. The painter comes to it when the whole frame has been
/// laid out and tessellated, and before it rasterises anything: that is the moment a pop is measured by.
#[derive(Debug, Default)]
pub(super) struct PopMark {
    /// Microseconds of our clock plus one; zero is none.
    reached_us: AtomicU64,
}

impl PopMark {
    /// Lays the mark under everything that this frame draws.
    pub(super) fn lay(self: &Arc<Self>, ui: &egui::Ui, clock: Clock) {
        let (mark, ctx) = (Arc::clone(self), ui.ctx().clone());
        let reached = move |_: egui::PaintCallbackInfo, _: &egui_glow::Painter| {
            let us = clock.now().mono_us + 1;
            if mark.reached_us.compare_exchange(0, us, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                // One more frame tells the gateway and shows the figure in the corner.
                ctx.request_repaint_after(super::ONE_FRAME_SOON);
            }
        };
        let rect = egui::Rect::from_min_size(ui.max_rect().min, egui::Vec2::splat(1.0));
        let callback = Arc::new(egui_glow::CallbackFn::new(reached));
        ui.painter().add(egui::PaintCallback { rect, callback });
    }

    pub(super) fn take(&self) -> Option<Moment> {
        let us = self.reached_us.swap(0, Ordering::AcqRel).checked_sub(1)?;
        // Only the monotonic part is ever compared.
        Some(Moment { mono_us: us, utc_ms: UtcMs::default() })
    }
}
