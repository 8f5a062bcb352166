"""Members of the families: what every registered one can do, and one of one's own in each family."""

import copy
import inspect
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from skbackprop import BackpropClassifier, Network, TwoLayerClassifier, check_gradients
from skbackprop.activations import ACTIVATIONS, LeakyRelu
from skbackprop.initializers import INITIALIZERS, Normal
from skbackprop.losses import LINKS, LOSSES, LogLoss
from skbackprop.registry import Configurable, Registry, check_number
from skbackprop.schedules import SCHEDULES, OneCycle, Schedule
from skbackprop.solvers import LBFGS, SGD, SOLVERS, Adam, AdamW, RMSprop

FAMILIES = {
    "activation": ACTIVATIONS,
    "loss": LOSSES,
    "weight_init": INITIALIZERS,
    "solver": SOLVERS,
    "schedule": SCHEDULES,
}
# Every registered object with its defaults, and some with parameters of their own.
OBJECTS = [make() for family in [*FAMILIES.values(), LINKS] for make in dict.fromkeys(family.values())]
OBJECTS += [
    Normal(0.01),
    LeakyRelu(slope=0.3),
    LogLoss(label_smoothing=0.1),
    SGD(momentum=0.9, nesterov=True, max_grad_norm=1.0),
    AdamW(weight_decay=0.1, beta_2=0.99),
    OneCycle(peak=0.5),
]
EVERY_OBJECT = pytest.mark.parametrize("member", OBJECTS, ids=repr)
QUICK = {
    "max_iter": 20,
    "n_iter_no_change": None,
    "early_stopping": False,
    "batch_size": 32,
    "learning_rate": 0.05,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def parameters_of(clf):
    return np.concatenate([array.ravel() for array in clf.coefs_ + clf.intercepts_])


# ---------------------------------------------------------------------- what every member can do


@EVERY_OBJECT
@pytest.mark.parametrize(
    "duplicate", [clone, copy.copy, copy.deepcopy, lambda member: pickle.loads(pickle.dumps(member))]
)
def test_duplicates_are_equal_and_independent(member, duplicate):
    other = duplicate(member)
    assert other is not member
    assert other == member
    assert type(other) is type(member)
    assert other.get_params() == member.get_params()
    assert hash(other) == hash(member)


@EVERY_OBJECT
def test_the_printed_form_makes_the_object_again(member):
    names = {type(each).__name__: type(each) for each in OBJECTS}
    assert eval(repr(member), names) == member


def test_the_printed_form_names_what_is_not_the_default():
    assert repr(Adam()) == "Adam()"
    assert repr(Adam(beta_1=0.9)) == "Adam()"
    assert repr(AdamW(weight_decay=0.1, max_grad_norm=2)) == "AdamW(weight_decay=0.1, max_grad_norm=2)"
    assert repr(Normal(0.5)) == "Normal(scale=0.5)"


@EVERY_OBJECT
def test_parameters_are_those_of_the_constructor_and_can_be_set(member):
    params = member.get_params()
    assert list(params) == list(inspect.signature(type(member)).parameters)
    assert member.get_params(deep=False) == params
    other = clone(member)
    assert other.set_params(**params) is other
    assert other == member


@EVERY_OBJECT
def test_an_unknown_parameter_raises_and_the_known_ones_are_listed(member):
    with pytest.raises(ValueError, match=rf"{type(member).__name__} has no parameter 'colour'") as caught:
        clone(member).set_params(colour="red")
    for name in member.get_params():
        assert repr(name) in str(caught.value)


@EVERY_OBJECT
def test_a_wrong_value_raises_naming_the_parameter_and_changes_nothing(member):
    for name in member.get_params():
        if name == "nesterov":
            continue  # a flag: anything is true or false
        other = clone(member)
        for wrong in ("a lot", float("nan"), -1.0):
            with pytest.raises(ValueError, match=rf"{type(member).__name__}: {name} must be .*got {wrong!r}"):
                other.set_params(**{name: wrong})
            assert other == member
            with pytest.raises(ValueError, match=rf"{type(member).__name__}: {name} must be"):
                type(member)(**{**member.get_params(), name: wrong})


@EVERY_OBJECT
def test_members_with_other_parameters_or_of_another_class_are_different(member):
    for name, value in member.get_params().items():
        if isinstance(value, float) and value > 0:
            other = clone(member).set_params(**{name: value * 0.99})
            assert other != member
            assert repr(other) != repr(member)
    assert all(member != other for other in OBJECTS if type(other) is not type(member))
    assert member != repr(member)


@EVERY_OBJECT
def test_estimators_reach_the_parameters_of_an_object(member):
    family = [parameter for parameter, registry in FAMILIES.items() if type(member) in registry.values()]
    if isinstance(member, Normal):
        family = ["weight_init"]
    for parameter in family:
        clf = clone(TwoLayerClassifier(**{parameter: member}))
        nested = {name: value for name, value in clf.get_params().items() if name.startswith(f"{parameter}__")}
        assert nested == {f"{parameter}__{name}": value for name, value in member.get_params().items()}
        clf.set_params(**nested)
        assert getattr(clf, parameter) == member
        assert getattr(clf, parameter) is not member


@pytest.mark.parametrize(
    ("cls", "parameter"), [(Adam, "beta_1"), (RMSprop, "rho"), (SGD, "momentum"), (LBFGS, "memory")]
)
def test_setting_a_parameter_through_an_estimator_leaves_the_users_object_alone(cls, parameter):
    mine = cls()
    before = mine.get_params()
    clf = clone(TwoLayerClassifier(solver=mine))
    clf.set_params(**{f"solver__{parameter}": 1 if cls is LBFGS else 0.123})
    assert clf.solver != mine
    assert mine.get_params() == before


def test_fitting_leaves_every_object_as_it_was(iris):
    for member in OBJECTS:
        for parameter, registry in FAMILIES.items():
            if type(member) in registry.values():
                before = pickle.dumps(member)
                params = {**QUICK, "max_iter": 2, parameter: member}
                if isinstance(member, LBFGS):
                    params["batch_size"] = "full"
                TwoLayerClassifier(3, **params).fit(*iris)
                assert pickle.dumps(member) == before


@pytest.mark.parametrize("family", FAMILIES)
def test_a_name_and_its_object_train_alike(family, iris):
    for name, make in FAMILIES[family].items():
        params = {**QUICK, "max_iter": 3, "batch_size": "full"}
        named = BackpropClassifier((3,), **{**params, family: name}).fit(*iris)
        given = BackpropClassifier((3,), **{**params, family: make()}).fit(*iris)
        np.testing.assert_array_equal(parameters_of(named), parameters_of(given))


@pytest.mark.parametrize("family", FAMILIES)
def test_names_that_are_not_known_raise_and_the_known_ones_are_listed(family, iris):
    with pytest.raises(ValueError, match=rf"{family}='unheard_of' is not known") as caught:
        BackpropClassifier((3,), **{family: "unheard_of"}).fit(*iris)
    for name in FAMILIES[family]:
        assert repr(name) in str(caught.value)


@pytest.mark.parametrize("family", FAMILIES)
def test_classes_and_objects_of_another_kind_raise_and_say_what_is_missing(family, iris):
    cls = next(iter(FAMILIES[family].values()))
    with pytest.raises(TypeError, match=rf"{family} must be one of .* \(give an instance: {cls.__name__}\(\)\)"):
        BackpropClassifier((3,), **{family: cls}).fit(*iris)
    with pytest.raises(TypeError, match=rf"{family} must be one of .*got 3.14 \(it has no "):
        BackpropClassifier((3,), **{family: 3.14}).fit(*iris)


# ---------------------------------------------------------------------- the registry itself


def test_a_registry_enters_names_and_hands_objects_back():
    registry = Registry("shape", ("area", "__call__"))

    @registry.register("square", "quad")
    class Square(Configurable):
        def area(self):
            return 1.0

        def __call__(self):
            return "square"

    assert sorted(registry) == ["quad", "square"]
    assert registry.resolve("quad") == Square()
    mine = Square()
    assert registry.resolve(mine) is mine
    with pytest.raises(
        ValueError, match=r"shape='round' is not known; the known names are 'quad', 'square'\. An object with"
    ):
        registry.resolve("round")
    with pytest.raises(ValueError, match="outline='round' is not known"):
        registry.resolve("round", parameter="outline")
    with pytest.raises(TypeError, match=r"shape must be .* area\(\) and __call__\(\); got .*it has no area"):
        registry.resolve(lambda: 1)


@pytest.mark.parametrize(
    ("value", "limits", "interval"),
    [
        (-0.001, {"low": 0}, "a number in [0, inf)"),
        (1, {"low": 0, "high": 1}, "a number in [0, 1)"),
        (0, {"low": 0, "high": 1, "open_low": True}, "a number in (0, 1)"),
        (1.5, {"low": 1, "integer": True}, "an integer in [1, inf)"),
        (0, {"low": 1, "integer": True}, "an integer in [1, inf)"),
        (1j, {"low": 0}, "a number in [0, inf)"),
    ],
)
def test_numbers_outside_their_interval_raise(value, limits, interval):
    with pytest.raises(ValueError) as caught:  # noqa: PT011, the whole message is compared
        check_number(Adam(), "size", value, **limits)
    assert str(caught.value) == f"Adam: size must be {interval}; got {value!r}."


@pytest.mark.parametrize(
    ("value", "limits"),
    [
        (0, {"low": 0}),
        (np.float32(0.5), {"low": 0, "high": 1, "open_low": True}),
        (np.int64(3), {"low": 1, "integer": True}),
        (1, {"low": 1, "integer": True}),
        (1e-300, {"low": 0, "open_low": True}),
    ],
)
def test_numbers_inside_their_interval_pass(value, limits):
    assert check_number(Adam(), "size", value, **limits) is None


# ---------------------------------------------------------------------- one of one's own in each family


class SoftSign(Configurable):
    """z / (1 + k |z|)."""

    gain = 1.0

    def __init__(self, k=1.0):
        check_number(self, "k", k, 0)
        self.k = k

    def value(self, Z, out):
        return np.divide(Z, 1 + self.k * np.abs(Z), out=out)

    def derivative(self, Z, A, out):
        return np.divide(1, np.square(1 + self.k * np.abs(Z)), out=out)


class SquaredHinge(Configurable):
    """½ Σ_k max(0, margin - (2 y_k - 1) z_k)²."""

    def __init__(self, margin=1.0):
        check_number(self, "margin", margin, 0)
        self.margin = margin

    def value(self, Z, Y, link):
        return 0.5 * np.square(self._excess(Z, Y)).sum(axis=1)

    def gradient(self, Z, A, Y, link, out):
        return np.multiply(1 - 2 * Y, self._excess(Z, Y), out=out)

    def _excess(self, Z, Y):
        return np.maximum(0, self.margin - (2 * Y - 1) * Z)


class Orthogonal(Configurable):
    """A random matrix with orthonormal columns, or rows."""

    def __init__(self, scale=1.0):
        check_number(self, "scale", scale, 0)
        self.scale = scale

    def __call__(self, rng, fan_in, fan_out):
        drawn = rng.standard_normal((fan_in, fan_out))
        u, _, v = np.linalg.svd(drawn, full_matrices=False)
        return self.scale * u @ v


class AdaGrad(Configurable):
    """θ ← θ - η g / (√Σ g² + ε)."""

    default_learning_rate = 0.1
    rate_follows_scale = False
    full_batch_only = False

    def __init__(self, epsilon=1e-8):
        check_number(self, "epsilon", epsilon, 0, open_low=True)
        self.epsilon = epsilon

    def init_state(self, theta):
        return {"sums": np.zeros_like(theta)}

    def stepper(self, parameters, gradients, state):
        def step(learning_rate):
            g = gradients.theta
            state["sums"] += g * g
            change = learning_rate * g / (np.sqrt(state["sums"]) + self.epsilon)
            np.subtract(parameters.theta, change, out=parameters.theta)

        return step


class Halving(Schedule):
    """Half the rate after every so many epochs."""

    def __init__(self, every=5):
        check_number(self, "every", every, 1, integer=True)
        self.every = every

    def factor(self, progress, epoch, state):
        return 0.5 ** (epoch // self.every)


TOYS = {  # family: class, parameter, two values of it
    "activation": (SoftSign, "k", (1.0, 3.0)),
    "loss": (SquaredHinge, "margin", (1.0, 2.0)),
    "weight_init": (Orthogonal, "scale", (1.0, 0.1)),
    "solver": (AdaGrad, "epsilon", (1e-8, 1.0)),
    "schedule": (Halving, "every", (5, 1)),
}
EVERY_TOY = pytest.mark.parametrize("family", TOYS)


@pytest.fixture
def registered(family):
    """Enter the family's toy under the name "toy" as the documentation says, and take it out again."""
    cls = TOYS[family][0]
    assert FAMILIES[family].register("toy")(cls) is cls
    yield cls
    del FAMILIES[family]["toy"]


@EVERY_TOY
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_it_is_fitted_by_object_and_by_name_alike(family, registered, iris, dtype):
    X, y = iris[0].astype(dtype), iris[1]
    given = BackpropClassifier((6,), **{**QUICK, family: registered()}).fit(X, y)
    named = BackpropClassifier((6,), **{**QUICK, family: "toy"}).fit(X, y)
    usual = BackpropClassifier((6,), **QUICK).fit(X, y)
    assert given.score(X, y) > 0.85
    assert given.loss_curve_[-1] < given.loss_curve_[0]
    assert given.coefs_[0].dtype == dtype
    np.testing.assert_array_equal(parameters_of(named), parameters_of(given))
    assert not np.array_equal(parameters_of(usual), parameters_of(given))


@EVERY_TOY
def test_its_parameter_changes_the_fit(family, iris):
    cls, name, (first, second) = TOYS[family]
    fits = [BackpropClassifier((6,), **{**QUICK, family: cls(**{name: value})}).fit(*iris) for value in (first, second)]
    assert not np.array_equal(parameters_of(fits[0]), parameters_of(fits[1]))


@EVERY_TOY
@pytest.mark.parametrize("n_classes", [2, 3])
def test_its_gradient_is_checked(family, registered, iris, n_classes):
    X, y = iris[0][::7], np.minimum(iris[1][::7], n_classes - 1)
    for member in ("toy", registered()):
        params = {"activation": "tanh", "random_state": 0, family: member}
        assert check_gradients(BackpropClassifier((4, 3), **params), X, y) < 1e-6


@EVERY_TOY
def test_it_is_cloned_pickled_and_printed_with_the_estimator(family, iris):
    cls, name, (_, value) = TOYS[family]
    clf = TwoLayerClassifier(4, **{**QUICK, family: cls(**{name: value})})
    copied = clone(clf)
    assert getattr(copied, family) == getattr(clf, family)
    assert getattr(copied, family) is not getattr(clf, family)
    assert f"{cls.__name__}({name}={value!r})" in repr(clf)
    loaded = pickle.loads(pickle.dumps(clf.fit(*iris)))
    np.testing.assert_array_equal(loaded.predict_proba(iris[0]), clf.predict_proba(iris[0]))
    np.testing.assert_array_equal(parameters_of(copied.fit(*iris)), parameters_of(clf))


@EVERY_TOY
def test_it_is_searched_by_its_parameter_and_against_names(family, registered, iris):
    cls, name, values = TOYS[family]
    usual = next(iter(FAMILIES[family]))
    grid = [{f"{family}__{name}": list(values)}, {family: [usual, "toy"]}]
    clf = BackpropClassifier((4,), **{**QUICK, "max_iter": 5, family: cls()})
    search = GridSearchCV(clf, grid, cv=2, error_score="raise").fit(*iris)
    assert len(search.cv_results_["params"]) == 4
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == scores[3]  # the toy with its defaults, as an object and by name
    assert getattr(clf, family) == cls()


@EVERY_TOY
def test_its_wrong_values_raise_when_an_estimator_sets_them(family):
    cls, name, _ = TOYS[family]
    clf = TwoLayerClassifier(**{family: cls()})
    with pytest.raises(ValueError, match=rf"{cls.__name__}: {name} must be"):
        clf.set_params(**{f"{family}__{name}": -1})


@EVERY_TOY
def test_its_name_is_listed_while_it_is_registered_and_gone_afterwards(family, registered, iris):
    with pytest.raises(ValueError, match=r"known names are .*'toy'"):
        BackpropClassifier((3,), **{family: "toyy"}).fit(*iris)
    assert FAMILIES[family]["toy"] is registered


@EVERY_TOY
def test_without_being_registered_its_name_is_not_known(family, iris):
    with pytest.raises(ValueError, match=rf"{family}='toy' is not known"):
        BackpropClassifier((3,), **{family: "toy"}).fit(*iris)


def test_a_network_takes_them_too():
    X, Y = np.random.RandomState(0).randn(5, 3), np.eye(2)[[0, 1, 1, 0, 1]]
    net = Network(
        [3, 4, 2], activation=SoftSign(2.0), loss=SquaredHinge(0.5), weight_init=Orthogonal(0.5), random_state=0
    )
    cache = net.forward(X)
    np.testing.assert_allclose(cache.A[1], cache.Z[0] / (1 + 2 * np.abs(cache.Z[0])))
    np.testing.assert_allclose(net.W[0] @ net.W[0].T, 0.25 * np.eye(3), atol=1e-15)
    assert check_gradients(net, X, Y) < 1e-6


# ---------------------------------------------------------------------- the least that is asked for


class BareSine:
    """An activation that is no Configurable, and has no gain."""

    def value(self, Z, out):
        return np.sin(Z, out=out)

    def derivative(self, Z, A, out):
        return np.cos(Z, out=out)


class BareGradientDescent:
    """A solver that remembers nothing."""

    default_learning_rate = 0.5
    rate_follows_scale = False
    full_batch_only = False

    def init_state(self, theta):
        return {}

    def stepper(self, parameters, gradients, state):
        def step(learning_rate):
            parameters.theta[...] = parameters.theta - learning_rate * gradients.theta

        return step


def test_objects_of_no_particular_class_will_do(iris):
    params = {**QUICK, "activation": BareSine(), "weight_init": "lecun"}
    clf = clone(TwoLayerClassifier(5, **params)).fit(*iris)
    assert clf.score(*iris) > 0.9
    assert check_gradients(clf, iris[0][::10], iris[1][::10]) < 1e-6

    ours, theirs = (TwoLayerClassifier(5, **{**QUICK, "solver": solver}) for solver in ("sgd", BareGradientDescent()))
    np.testing.assert_allclose(parameters_of(ours.fit(*iris)), parameters_of(clone(theirs).fit(*iris)), rtol=1e-12)


def test_without_a_gain_weights_start_as_for_a_linear_layer():
    net = Network([3, 4, 4, 1], activation=BareSine(), random_state=0)
    np.testing.assert_array_equal(net.theta, Network([3, 4, 4, 1], activation="identity", random_state=0).theta)


def test_the_default_rate_of_a_solver_is_what_auto_means(iris):
    params = {**QUICK, "solver": BareGradientDescent()}
    auto, half = (BackpropClassifier((3,), **{**params, "learning_rate": rate}).fit(*iris) for rate in ("auto", 0.5))
    np.testing.assert_array_equal(parameters_of(auto), parameters_of(half))


def test_a_lambda_is_an_initializer_and_a_schedule(iris):
    clf = TwoLayerClassifier(
        4,
        weight_init=lambda rng, fan_in, fan_out: rng.uniform(-0.5, 0.5, (fan_in, fan_out)),
        schedule=lambda progress: 1 - 0.9 * progress,
        **QUICK,
    )
    assert clone(clf).fit(*iris).score(*iris) > 0.85
