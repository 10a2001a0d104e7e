"""Parts of the page Lesson."""
