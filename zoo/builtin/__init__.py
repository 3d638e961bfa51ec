"""What Zoo itself offers, registered through the same hook as anyone's plugin."""

from collections.abc import Sequence

from zoo.builtin.judging import LOSSES, METRICS
from zoo.plugin import Dataset, Entry, Initializer, Objective, Optimizer, Schedule, hookimpl

_DENSE_CHECKS = (
    "descends-a-quadratic",
    "descends-rosenbrock",
    "state-round-trips",
    "takes-parameter-groups",
    "leaves-others-alone",
    "evaluates-a-closure",
)

OPTIMIZERS = (
    Optimizer(
        name="adadelta",
        factory="torch.optim:Adadelta",
        summary="Steps scaled by running means of gradients and of updates",
        reference="arXiv:1212.5701",
    ),
    Optimizer(
        name="adafactor",
        factory="torch.optim:Adafactor",
        summary="Adam with the second moment kept as row and column means: little memory",
        reference="arXiv:1804.04235",
    ),
    Optimizer(
        name="adagrad",
        factory="torch.optim:Adagrad",
        summary="Steps scaled by the sum of all squared gradients",
        reference="Duchi et al. 2011, JMLR 12:2121",
    ),
    Optimizer(
        name="adam",
        factory="torch.optim:Adam",
        summary="Steps scaled by running means of the gradient and of its square",
        reference="arXiv:1412.6980",
    ),
    Optimizer(
        name="adamax",
        factory="torch.optim:Adamax",
        summary="Adam with the largest gradient in place of the mean square",
        reference="arXiv:1412.6980, section 7.1",
    ),
    Optimizer(
        name="adamw",
        factory="torch.optim:AdamW",
        summary="Adam with decoupled weight decay",
        reference="arXiv:1711.05101",
    ),
    Optimizer(
        name="asgd",
        factory="torch.optim:ASGD",
        summary="Gradient descent that also averages its weights",
        reference="doi:10.1137/0330046",
    ),
    Optimizer(
        name="lbfgs",
        factory="torch.optim:LBFGS",
        summary="Limited-memory quasi-Newton; several evaluations a step, best on the whole split at once",
        reference="doi:10.1007/BF01589116",
        needs_closure=True,
    ),
    Optimizer(
        name="muon",
        factory="zoo.builtin.optimizers:Muon",
        summary="Orthogonalised momentum for hidden matrices, AdamW for all else",
        reference="https://kellerjordan.github.io/posts/muon; arXiv:2502.16982",
    ),
    Optimizer(
        name="nadam",
        factory="torch.optim:NAdam",
        summary="Adam with Nesterov momentum",
        reference="Dozat 2016, ICLR workshop",
    ),
    Optimizer(
        name="radam",
        factory="torch.optim:RAdam",
        summary="Adam with its early variance rectified",
        reference="arXiv:1908.03265",
    ),
    Optimizer(
        name="rmsprop",
        factory="torch.optim:RMSprop",
        summary="Steps scaled by a running mean of the squared gradient",
        reference="Tieleman and Hinton 2012, lecture 6.5",
    ),
    Optimizer(
        name="rprop",
        factory="torch.optim:Rprop",
        summary="Only the gradient's sign counts; for training on the whole split at once",
        reference="doi:10.1109/ICNN.1993.298623",
        exempt={
            "takes-parameter-groups": "steps have sizes of their own, never below 1e-6; the rate is where they begin"
        },
    ),
    Optimizer(
        name="sgd",
        factory="torch.optim:SGD",
        summary="Gradient descent; momentum and Nesterov momentum are options",
        reference="doi:10.1214/aoms/1177729586",
    ),
    Optimizer(
        name="sparse-adam",
        factory="torch.optim:SparseAdam",
        summary="Adam for sparse gradients only, such as those of sparse embeddings",
        reference="arXiv:1412.6980",
        exempt=dict.fromkeys(_DENSE_CHECKS, "it refuses gradients that are not sparse"),
    ),
)

INITIALIZERS = (
    Initializer(
        name="constant", factory="zoo.builtin.initializers:constant", summary="One number everywhere"
    ),
    Initializer(
        name="dirac",
        factory="zoo.builtin.initializers:dirac",
        summary="Convolutions that pass on their channels",
    ),
    Initializer(name="eye", factory="zoo.builtin.initializers:eye", summary="Identity matrix"),
    Initializer(
        name="kaiming-normal",
        factory="zoo.builtin.initializers:kaiming_normal",
        summary="Normal, scaled by fan-in or fan-out for rectifiers",
        reference="arXiv:1502.01852",
    ),
    Initializer(
        name="kaiming-uniform",
        factory="zoo.builtin.initializers:kaiming_uniform",
        summary="Uniform, scaled by fan-in or fan-out for rectifiers",
        reference="arXiv:1502.01852",
    ),
    Initializer(name="normal", factory="zoo.builtin.initializers:normal", summary="Normal distribution"),
    Initializer(name="ones", factory="zoo.builtin.initializers:ones", summary="Ones"),
    Initializer(
        name="orthogonal",
        factory="zoo.builtin.initializers:orthogonal",
        summary="Orthonormal rows or columns",
        reference="arXiv:1312.6120",
    ),
    Initializer(
        name="sparse",
        factory="zoo.builtin.initializers:sparse",
        summary="Normal, with most weights zero",
        reference="Martens 2010, ICML",
    ),
    Initializer(
        name="trunc-normal",
        factory="zoo.builtin.initializers:trunc_normal",
        summary="Normal distribution without its tails",
    ),
    Initializer(name="uniform", factory="zoo.builtin.initializers:uniform", summary="Uniform distribution"),
    Initializer(
        name="xavier-normal",
        factory="zoo.builtin.initializers:xavier_normal",
        summary="Normal, scaled by fan-in and fan-out",
        reference="Glorot and Bengio 2010, AISTATS",
    ),
    Initializer(
        name="xavier-uniform",
        factory="zoo.builtin.initializers:xavier_uniform",
        summary="Uniform, scaled by fan-in and fan-out",
        reference="Glorot and Bengio 2010, AISTATS",
    ),
    Initializer(name="zeros", factory="zoo.builtin.initializers:zeros", summary="Zeros"),
)

SCHEDULES = (
    Schedule(name="constant", factory="zoo.builtin.schedules:constant", summary="The same at every step"),
    Schedule(
        name="cosine",
        factory="zoo.builtin.schedules:cosine",
        summary="Warm-up, then half a cosine down",
        reference="arXiv:1608.03983",
    ),
    Schedule(
        name="exponential",
        factory="zoo.builtin.schedules:exponential",
        summary="The same relative decrease at each step",
    ),
    Schedule(
        name="inverse-square-root",
        factory="zoo.builtin.schedules:inverse_square_root",
        summary="Warm-up, then one over the root of the step",
        reference="arXiv:1706.03762",
    ),
    Schedule(
        name="one-cycle",
        factory="zoo.builtin.schedules:one_cycle",
        summary="Up for the first part, down to almost nothing for the rest",
        reference="arXiv:1708.07120",
    ),
    Schedule(
        name="polynomial",
        factory="zoo.builtin.schedules:polynomial",
        summary="A power of the share that is left; linear by default",
        reference="arXiv:1606.00915",
    ),
    Schedule(
        name="step",
        factory="zoo.builtin.schedules:step",
        summary="A staircase of equal drops",
        reference="arXiv:1512.03385",
    ),
    Schedule(
        name="warm-up",
        factory="zoo.builtin.schedules:warm_up",
        summary="Linear up, then constant",
        reference="arXiv:1706.02677",
    ),
)

DATASETS = (
    Dataset(
        name="breast-cancer",
        factory="zoo.builtin.datasets:breast_cancer",
        summary="569 tumours, malignant or benign, by 30 measures",
        reference="doi:10.24432/C5DW2B",
    ),
    Dataset(
        name="diabetes",
        factory="zoo.builtin.datasets:diabetes",
        summary="442 patients by 10 measures; progression of diabetes after a year",
        reference="doi:10.1214/009053604000000067",
    ),
    Dataset(
        name="digits",
        factory="zoo.builtin.datasets:digits",
        summary="1,797 scanned digits, 8 by 8 pixels",
        reference="doi:10.24432/C50P49",
    ),
    Dataset(
        name="iris",
        factory="zoo.builtin.datasets:iris",
        summary="150 irises of 3 species by 4 measures",
        reference="doi:10.24432/C56C76",
    ),
    Dataset(
        name="wine",
        factory="zoo.builtin.datasets:wine",
        summary="178 wines of 3 cultivars by 13 measures",
        reference="doi:10.24432/C5PC7J",
    ),
)

OBJECTIVES = (
    Objective(
        name="supervised",
        factory="zoo.training.objectives:supervised",
        summary="One network learns to answer from examples",
        fits=("classes", "binary", "labels", "values", "several", "tokens", "forecast"),
    ),
)


@hookimpl
def zoo_register() -> Sequence[Entry]:
    """Every built-in entry."""
    return (*LOSSES, *OPTIMIZERS, *INITIALIZERS, *SCHEDULES, *METRICS, *DATASETS, *OBJECTIVES)
