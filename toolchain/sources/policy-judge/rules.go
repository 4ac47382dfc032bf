package main

import (
	"fmt"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
	"k8s.io/apimachinery/pkg/util/version"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/cel/lazy"
)

// rule is what a rule file says, as far as judging needs it.
type rule struct {
	Variables   []variable   `json:"variables"`
	Validations []validation `json:"validations"`
}

type variable struct {
	Name       string `json:"name"`
	Expression string `json:"expression"`
}

type validation struct {
	Expression string `json:"expression"`
	Found      string `json:"found"`
}

// mistake is an expression that the API server would not take, at its place in the rule file.
type mistake struct {
	Rule  int    `json:"rule"`
	Where []any  `json:"where"`
	Said  string `json:"said"`
}

// compiled is a rule whose expressions are ready. A rule has two forms: the one of the API server, and one that knows
// unknown values, which is compiled when the first object with such a value comes.
type compiled struct {
	source    rule
	outward   bool // it reads more than the object
	plain     *programs
	unknowing func() *programs
}

type programs struct {
	variables   map[string]*definition
	mapType     *apiservercel.DeclType
	validations []judgement
}

type judgement struct{ expression, found cel.Program }

// baseline is the environment of admission policies in this version of Kubernetes, without a policy's own variables.
var baseline = sync.OnceValue(func() *environment.EnvSet {
	namespace, request := plugincel.BuildNamespaceType(), plugincel.BuildRequestType()
	set, err := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()).Extend(
		environment.VersionedOptions{
			IntroducedVersion: version.MajorMinor(1, 0),
			EnvOptions: []cel.EnvOption{
				cel.Variable(plugincel.ObjectVarName, cel.DynType),
				cel.Variable(plugincel.OldObjectVarName, cel.DynType),
				cel.Variable(plugincel.NamespaceVarName, namespace.CelType()),
				cel.Variable(plugincel.RequestVarName, request.CelType()),
			},
			DeclTypes: []*apiservercel.DeclType{namespace, request},
		},
		environment.StrictCostOpt,
	)
	if err != nil {
		panic(err)
	}
	return set
})

// compile takes a rule as the API server would take its admission policy, and tells every mistake.
func compile(source rule) (*compiled, []mistake) {
	plain, outward, mistakes := build(source, nil)
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	unknowing := sync.OnceValue(func() *programs {
		second, _, mistakes := build(source, guarded())
		if len(mistakes) > 0 {
			panic(fmt.Sprintf("the form for unknown values: %v", mistakes))
		}
		return second
	})
	return &compiled{source: source, outward: outward, plain: plain, unknowing: unknowing}, nil
}

func build(source rule, guard *guardOptions) (*programs, bool, []mistake) {
	mapType := apiservercel.NewObjectType("kubernetes.variables", map[string]*apiservercel.DeclField{})
	options := []cel.EnvOption{cel.Variable(plugincel.VariableVarName, mapType.CelType())}
	var programOptions []cel.ProgramOption
	if guard != nil {
		options = append(options, guard.environment...)
		programOptions = append(programOptions, guard.program...)
	}
	set, err := baseline().Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		EnvOptions:        options,
		DeclTypes:         []*apiservercel.DeclType{mapType},
	})
	if err != nil {
		panic(err)
	}
	env := set.NewExpressionsEnv()
	made := &programs{variables: map[string]*definition{}, mapType: mapType}
	var mistakes []mistake
	outward := false
	mistaken := func(where []any, said string) *definition {
		mistakes = append(mistakes, mistake{Where: where, Said: said})
		return nil
	}
	compileOne := func(parsed *cel.Ast, want *cel.Type, where ...any) *definition {
		checked, issues := env.Check(parsed)
		if issues.Err() != nil {
			return mistaken(where, issues.String())
		}
		if want != nil && !checked.OutputType().IsExactType(want) {
			return mistaken(where, fmt.Sprintf("must give %v, but gives %v", want, checked.OutputType()))
		}
		program, err := env.Program(checked, programOptions...)
		if err != nil {
			return mistaken(where, err.Error())
		}
		one := &definition{program: program, gives: checked.OutputType()}
		for _, reference := range checked.NativeRep().ReferenceMap() {
			switch reference.Name {
			case plugincel.NamespaceVarName, plugincel.RequestVarName:
				one.outward = true
			}
		}
		return one
	}
	validate := func(text string, want *cel.Type, where ...any) cel.Program {
		parsed, issues := env.Parse(text)
		if issues.Err() != nil {
			mistaken(where, issues.String())
			return nil
		}
		made := compileOne(parsed, want, where...)
		if made == nil {
			return nil
		}
		outward = outward || made.outward
		return made.program
	}
	for i, it := range source.Variables {
		if _, twice := made.variables[it.Name]; twice {
			mistaken([]any{"variables", i, "name"}, it.Name+" is there twice")
		}
		where := []any{"variables", i, "expression"}
		var defined *definition
		if parsed, issues := env.Parse(it.Expression); issues.Err() != nil {
			mistaken(where, issues.String())
		} else {
			defined = define(parsed, meaning{text: it.Expression, guarded: guard != nil}, made.variables, func() *definition {
				return compileOne(parsed, nil, where...)
			})
		}
		gives := apiservercel.DynType
		if defined != nil {
			gives = declType(defined.gives)
			outward = outward || defined.outward
		}
		mapType.Fields[it.Name] = apiservercel.NewDeclField(it.Name, gives, true, nil, nil)
		made.variables[it.Name] = defined
	}
	for i, it := range source.Validations {
		expression := validate(it.Expression, cel.BoolType, "validations", i, "expression")
		// As in the message of the admission policy, which puts text before and after it.
		found := validate("'' + ("+it.Found+")", cel.StringType, "validations", i, "found")
		made.validations = append(made.validations, judgement{expression, found})
	}
	return made, outward, mistakes
}

// declType tells the type of a variable as Kubernetes does: what is no plain value, list or map is dynamic.
func declType(given *cel.Type) *apiservercel.DeclType {
	plain := map[*cel.Type]*apiservercel.DeclType{
		cel.AnyType: apiservercel.AnyType, cel.BoolType: apiservercel.BoolType, cel.BytesType: apiservercel.BytesType,
		cel.DoubleType: apiservercel.DoubleType, cel.DurationType: apiservercel.DurationType,
		cel.IntType: apiservercel.IntType, cel.NullType: apiservercel.NullType, cel.StringType: apiservercel.StringType,
		cel.TimestampType: apiservercel.TimestampType, cel.UintType: apiservercel.UintType,
	}
	if found, ok := plain[given]; ok {
		return found
	}
	parameters := given.Parameters()
	switch given.Kind() {
	case types.ListKind:
		return apiservercel.NewListType(declType(parameters[0]), -1)
	case types.MapKind:
		return apiservercel.NewMapType(declType(parameters[0]), declType(parameters[1]), -1)
	}
	return apiservercel.DynType
}

// verdict is the answer to one validation. What is true is not told.
type verdict struct {
	Rule       int      `json:"rule"`
	Validation int      `json:"validation"`
	Found      string   `json:"found,omitempty"`
	Error      string   `json:"error,omitempty"`
	Unknown    []string `json:"unknown,omitempty"`
}

// judge evaluates a rule on an object within the cost that admission allows for one policy.
func (c *compiled) judge(number int, it *subject) []verdict {
	used := c.plain
	if c.outward || len(it.unknown) > 0 {
		used = c.unknowing()
	}
	run := &evaluation{subject: it, values: it.values, budget: celconfig.RuntimeCELCostBudget}
	verdicts := run.judge(number, used)
	if run.budget < 0 { // a shared value may have counted too much: here each counts once
		run = &evaluation{subject: it, values: values{}, budget: celconfig.RuntimeCELCostBudget}
		verdicts = run.judge(number, used)
	}
	return verdicts
}

func (e *evaluation) judge(number int, used *programs) []verdict {
	e.variables = lazy.NewMapValue(used.mapType)
	for name, defined := range used.variables {
		e.variables.Append(name, func(*lazy.MapValue) ref.Val {
			value, err := e.valueOf(defined)
			if err != nil {
				return types.NewErr("variable %q: %v", name, err)
			}
			return value
		})
	}
	var verdicts []verdict
	for i, validation := range used.validations {
		value, _, err := e.evaluate(validation.expression)
		if err == nil && value == types.True {
			continue
		}
		told := verdict{Rule: number, Validation: i}
		if err != nil {
			told.Error = err.Error()
		} else if names := e.names(value); names != nil {
			told.Unknown = names
		} else {
			told.Found = e.found(validation.found)
		}
		verdicts = append(verdicts, told)
	}
	return verdicts
}

// evaluation is one object under one rule: what the names in its expressions stand for, and the cost that is left.
type evaluation struct {
	*subject
	values    values
	variables *lazy.MapValue
	budget    int64
}

// valueOf gives what a variable stands for, from another rule where one has asked for it already. It costs the same then.
func (e *evaluation) valueOf(it *definition) (ref.Val, error) {
	if known, ok := e.values[it]; ok && known.cost <= e.budget {
		e.budget -= known.cost
		return known.value, known.err
	}
	value, cost, err := e.evaluate(it.program)
	if e.budget >= 0 {
		for _, read := range it.reads {
			cost += e.values[read].cost
		}
		e.values[it] = result{value, cost, err}
	}
	return value, err
}

func (e *evaluation) evaluate(program cel.Program) (ref.Val, int64, error) {
	value, details, err := program.Eval(e)
	var cost int64
	if details != nil && details.ActualCost() != nil {
		cost = int64(*details.ActualCost())
		e.budget -= cost
	}
	if e.budget < 0 {
		return nil, cost, fmt.Errorf("the rule costs more than admission allows for one policy")
	}
	return value, cost, err
}

func (e *evaluation) found(program cel.Program) string {
	value, _, err := e.evaluate(program)
	if err != nil {
		return err.Error()
	}
	if text, ok := value.(types.String); ok {
		return string(text)
	}
	return "something that is not known before the apply"
}

// ResolveName implements interpreter.Activation.
func (e *evaluation) ResolveName(name string) (any, bool) {
	switch name {
	case plugincel.ObjectVarName:
		return e.object, true
	case plugincel.OldObjectVarName:
		return nil, true
	case plugincel.NamespaceVarName:
		return unknownNamespace, true
	case plugincel.RequestVarName:
		return unknownRequest, true
	case plugincel.VariableVarName:
		return e.variables, true
	}
	return nil, false
}

// Parent implements interpreter.Activation.
func (e *evaluation) Parent() interpreter.Activation { return nil }
