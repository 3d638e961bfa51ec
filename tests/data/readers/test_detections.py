import json

import numpy as np
import pytest
from PIL import Image

from zoo.contracts.targets import Boxes
from zoo.data.readers import detections, recognise
from zoo.errors import DataError

OBJECT = """<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>
<xmin>{box[0]}</xmin><ymin>{box[1]}</ymin><xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>"""


def picture(path, size=(40, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "white").save(path)


def annotate(root, name, *objects, size=(40, 30), extra=""):
    picture(root / "JPEGImages" / f"{name}.png")
    (root / "Annotations").mkdir(exist_ok=True)
    parts = "".join(OBJECT.format(name=label, box=box, difficult=hard) for label, box, hard in objects)
    (root / "Annotations" / f"{name}.xml").write_text(
        f"{extra}<annotation><filename>{name}.png</filename>"
        f"<size><width>{size[0]}</width><height>{size[1]}</height></size>{parts}</annotation>"
    )


@pytest.fixture
def voc(tmp_path):
    annotate(tmp_path, "a", ("cat", (1, 2, 10, 12), 0), ("dog", (5, 5, 40, 30), 1))
    annotate(tmp_path, "b", ("cat", (3, 3, 9, 9), 0))
    annotate(tmp_path, "c")
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for split, names in {"train": "a\nb\n", "val": "c\n", "test": "b 1\n", "trainval": "a\nb\nc\n"}.items():
        (lists / f"{split}.txt").write_text(names)
    return tmp_path


def coco(folder, *, categories=((7, "dog"), (3, "cat")), annotations=(), images=("a.png", "b.png")):
    for name in images:
        picture(folder / "images" / name)
    document = {
        "images": [
            {"id": 10 + place, "file_name": name, "width": 40, "height": 30}
            for place, name in enumerate(images)
        ],
        "categories": [{"id": number, "name": name} for number, name in categories],
        "annotations": [dict(each) for each in annotations],
    }
    (folder / "instances.json").write_text(json.dumps(document))
    return folder


def test_lists_of_names_declare_the_splits_of_pascal_voc(voc):
    splits = detections.read(voc)
    assert splits.signature.target == Boxes(("cat", "dog"))
    assert (list(splits.train.ids), list(splits.validation.ids), list(splits.test.ids)) == (
        ["a.png", "b.png"], ["c.png"], ["b.png"],
    )  # fmt: skip
    assert splits.train.target[0].labels == ("cat", "dog")
    np.testing.assert_array_equal(splits.train.target[0].boxes, [[1, 2, 10, 12], [5, 5, 40, 30]])
    assert splits.validation.target[0].labels == ()
    assert splits.train.inputs["image"][0].shape == (30, 40, 3)


def test_the_folder_above_will_do_where_it_holds_one_such_folder(voc, tmp_path):
    assert recognise(voc).name == "detections"
    assert detections.refuses(voc.parent) == "" or len(list(voc.parent.iterdir())) > 1


def test_difficult_objects_can_be_left_out(voc):
    assert detections.read(voc, difficult="drop").train.target[0].labels == ("cat",)


def test_xml_beside_pictures_is_read_too(tmp_path):
    picture(tmp_path / "x.png")
    text = OBJECT.format(name="cat", box=(0, 0, 5, 5), difficult=0)
    (tmp_path / "x.xml").write_text(f"<annotation>{text}</annotation>")
    assert detections.read(tmp_path).train.target[0].labels == ("cat",)


def test_a_box_without_an_area_is_refused_by_file_and_object_or_dropped(tmp_path):
    annotate(tmp_path, "a", ("cat", (1, 1, 5, 5), 0), ("dog", (7, 7, 7, 20), 0))
    with pytest.raises(
        DataError, match=r"a\.xml, object 2 \(dog\): box \(7, 7, 7, 20\) has no area"
    ) as caught:
        detections.read(tmp_path)
    assert "data.degenerate=drop" in caught.value.fix
    assert detections.read(tmp_path, degenerate="drop").train.target[0].labels == ("cat",)


def test_a_box_outside_its_picture_is_refused_by_file_and_object_or_clipped(tmp_path):
    annotate(tmp_path, "a", ("cat", (10, 10, 43, 20), 0))
    message = (
        r"a\.xml, object 1 \(cat\): box \(10, 10, 43, 20\) reaches over the edge of the picture, 40 x 30"
    )
    with pytest.raises(DataError, match=message) as caught:
        detections.read(tmp_path)
    assert "data.outside=clip" in caught.value.fix
    found = detections.read(tmp_path, outside="clip").train.target[0]
    assert found.boxes.tolist() == [[10, 10, 40, 20]]


def test_one_pixel_over_the_edge_is_the_counting_of_pascal_voc(tmp_path):
    annotate(tmp_path, "a", ("cat", (0, 0, 41, 31), 0))
    assert detections.read(tmp_path).train.target[0].boxes.tolist() == [[0, 0, 40, 30]]


def test_a_picture_that_an_annotation_names_and_that_is_missing_is_named(tmp_path):
    annotate(tmp_path, "a", ("cat", (1, 1, 5, 5), 0))
    (tmp_path / "JPEGImages" / "a.png").unlink()
    with pytest.raises(DataError, match=r"a\.xml: names the picture a\.png, which is missing"):
        detections.read(tmp_path)


def test_a_picture_of_another_size_than_annotated_is_refused(tmp_path):
    annotate(tmp_path, "a", ("cat", (1, 1, 5, 5), 0), size=(80, 60))
    with pytest.raises(DataError, match="is 80 x 60; it is 40 x 30"):
        detections.read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<annotation><object>", "is not XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>', "declares a document type or an entity"),
        ("<annotation><object><name>x</name></object></annotation>", "there is no bndbox/xmin"),
    ],
)
def test_a_damaged_annotation_is_named(tmp_path, content, message):
    annotate(tmp_path, "a", ("cat", (1, 1, 5, 5), 0))
    (tmp_path / "Annotations" / "a.xml").write_text(content)
    with pytest.raises(DataError, match=message):
        detections.read(tmp_path)


def test_a_list_that_names_an_annotation_that_is_missing_is_refused(voc):
    (voc / "Annotations" / "a.xml").unlink()
    with pytest.raises(DataError, match=r"train\.txt: names a, and there is no a\.xml"):
        detections.read(voc)


def test_coco_numbers_of_categories_may_have_gaps_and_pictures_no_boxes(tmp_path):
    boxes = [
        {"image_id": 10, "category_id": 7, "bbox": [1, 2, 10, 20]},
        {"image_id": 10, "category_id": 3, "bbox": [0, 0, 5, 5], "iscrowd": 1},
    ]
    splits = detections.read(coco(tmp_path, annotations=boxes))
    first, second = splits.train.target
    assert splits.signature.target.labels == ("cat", "dog")
    assert first.labels == ("dog", "cat")
    assert first.boxes.tolist() == [[1, 2, 11, 22], [0, 0, 5, 5]]
    assert first.crowd.tolist() == [False, True]
    assert second.labels == ()


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ({"image_id": 99, "category_id": 3, "bbox": [0, 0, 1, 1]}, "annotation 1 is of image 99"),
        ({"image_id": 10, "category_id": 4, "bbox": [0, 0, 1, 1]}, "annotation 1 has category 4"),
        (
            {"image_id": 10, "category_id": 3, "bbox": [0, 0, 1]},
            "bbox of annotation 1 is .0, 0, 1., not four",
        ),
        ({"image_id": 10, "category_id": 3, "bbox": None}, "bbox of annotation 1 is None, not four numbers"),
        ({"image_id": 10, "category_id": 3}, "bbox of annotation 1 is None, not four numbers"),
    ],
)
def test_coco_that_does_not_fit_together_is_refused(tmp_path, annotation, message):
    with pytest.raises(DataError, match=message):
        detections.read(coco(tmp_path, annotations=[annotation]))


def test_a_category_that_is_listed_twice_is_refused(tmp_path):
    coco(tmp_path)
    path = tmp_path / "instances.json"
    document = json.loads(path.read_text())
    document["categories"].append({**document["categories"][0], "name": "other"})
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match="category .* is listed twice"):
        detections.read(tmp_path)


def test_damaged_json_is_refused(tmp_path):
    coco(tmp_path)
    (tmp_path / "instances.json").write_text('{"annotations": [')
    with pytest.raises(DataError, match="is no COCO JSON"):
        detections.read(tmp_path)


def test_a_csv_of_boxes_is_read_with_pictures_that_hold_nothing(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png")
    lines = ["file,label,xmin,ymin,xmax,ymax", "a.png,cat,1,2,10,12", "a.png,dog,3,4,20,20", "b.png,,,,,"]
    (tmp_path / "boxes.csv").write_text("\n".join(lines) + "\n")
    splits = detections.read(tmp_path)
    assert [each.labels for each in splits.train.target] == [("cat", "dog"), ()]
    assert splits.train.target[0].boxes.tolist() == [[1, 2, 10, 12], [3, 4, 20, 20]]


def test_a_csv_without_a_column_of_boxes_names_it(tmp_path):
    (tmp_path / "boxes.csv").write_text("file,label,xmin,ymin,xmax\na.png,cat,1,2,3\n")
    with pytest.raises(DataError, match="has no column bottom"):
        detections.read(tmp_path)


def test_a_label_that_training_has_not_seen_is_named(voc, tmp_path_factory):
    signature = detections.read(voc).signature
    other = tmp_path_factory.mktemp("other")
    annotate(other, "z", ("cow", (1, 1, 5, 5), 0))
    with pytest.raises(DataError, match=r"z\.xml, object 1: label 'cow' does not occur in the training data"):
        detections.read_like(other, signature, {})


def test_class_folders_of_pictures_are_no_detections(tmp_path):
    picture(tmp_path / "cat" / "1.png")
    picture(tmp_path / "dog" / "1.png")
    assert detections.refuses(tmp_path)
    assert recognise(tmp_path).name == "pictures"
