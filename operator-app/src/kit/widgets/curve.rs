use egui::{Color32, Mesh, Painter, Pos2, Rect, Stroke, pos2};

/// A small curve with a dot at its end; nothing when there are fewer than two points.
pub fn curve(painter: &Painter, rect: Rect, values: &[f32], colour: Color32) {
    let [.., _, _] = values else { return };
    let (low, high) = values.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
    let height_of = |value: f32| if high > low { (value - low) / (high - low) } else { 0.5 };
    let step = rect.width() / (values.len() - 1) as f32;
    let points: Vec<Pos2> = values
        .iter()
        .enumerate()
        .map(|(at, &value)| pos2(rect.left() + step * at as f32, rect.bottom() - height_of(value) * rect.height()))
        .collect();
    let mut shade = Mesh::default();
    let top = Color32::from_rgba_unmultiplied(colour.r(), colour.g(), colour.b(), 46);
    for (at, point) in points.iter().enumerate() {
        shade.colored_vertex(*point, top);
        shade.colored_vertex(pos2(point.x, rect.bottom()), Color32::TRANSPARENT);
        if at > 0 {
            let here = (at * 2) as u32;
            shade.add_triangle(here - 2, here - 1, here);
            shade.add_triangle(here - 1, here, here + 1);
        }
    }
    painter.add(shade);
    if let Some(&last) = points.last() {
        painter.line(points, Stroke::new(1.6, colour));
        painter.circle_filled(last, 2.6, colour);
    }
}
