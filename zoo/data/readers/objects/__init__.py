"""Annotations of objects in pictures: Pascal VOC, COCO JSON and CSV."""
