"""What widgets with a reader's own function share: it is seen in figures and captions too, where no browser runs."""

from ..scenes.mine import told


class Mine:
    """Mixed into a Widget whose `overlay` gives {"mine": {..., "told": a sentence}}."""

    def found(self):
        """The arrays of the present state, and what the reader's own function gives."""
        state = dict(self.state)
        return self.scene.compute(state) | (self.overlay(state) or {})

    @property
    def caption(self):
        """The sentence under the picture, and the one about the reader's own."""
        found = self.found()
        return self.scene.caption(dict(self.state), found) + told(found)

    def figure(self):
        """The present state as a Figure, the reader's own drawn into it."""
        return type(self).draw(dict(self.state), self.found())
