package main

import (
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/overloads"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
)

// known is true of every known value; of an unknown one CEL itself makes an unknown answer.
const known = "govcloud_known"

const (
	namespaceID int64 = -1
	requestID   int64 = -2
)

var (
	unknownNamespace = types.NewUnknown(namespaceID, nil)
	unknownRequest   = map[string]any{"operation": "CREATE"}
)

func init() {
	for _, field := range []string{
		"kind", "resource", "subResource", "requestKind", "requestResource", "requestSubResource", "name", "namespace",
		"userInfo", "dryRun", "options",
	} {
		unknownRequest[field] = types.NewUnknown(requestID, nil)
	}
}

// guardOptions close the ways by which an unknown value gets lost in CEL: has() takes it for present, and functions
// and comparisons of lists and maps look past an unknown member.
type guardOptions struct {
	environment []cel.EnvOption
	program     []cel.ProgramOption
}

func guarded() *guardOptions {
	return &guardOptions{
		environment: []cel.EnvOption{
			cel.Macros(cel.GlobalMacro(operators.Has, 1, presentAndKnown)),
			cel.Function(known, cel.Overload(known+"_dyn", []*cel.Type{cel.DynType}, cel.BoolType,
				cel.UnaryBinding(func(ref.Val) ref.Val { return types.True }))),
		},
		program: []cel.ProgramOption{cel.CustomDecorator(guardCall)},
	}
}

// presentAndKnown makes has(a.b) to has(a.b) && known(a.b).
func presentAndKnown(make cel.MacroExprFactory, _ ast.Expr, arguments []ast.Expr) (ast.Expr, *cel.Error) {
	field := arguments[0]
	if field.Kind() != ast.SelectKind {
		return nil, make.NewError(field.ID(), "invalid argument to has() macro")
	}
	present := make.NewPresenceTest(make.Copy(field.AsSelect().Operand()), field.AsSelect().FieldName())
	return make.NewCall(operators.LogicalAnd, present, make.NewCall(known, field)), nil
}

// passing are the functions that hand on an unknown member, or need not look at it.
var passing = []string{operators.Add, operators.NotStrictlyFalse, operators.OldNotStrictlyFalse, "dyn", "type", known}

func guardCall(given interpreter.Interpretable) (interpreter.Interpretable, error) {
	call, ok := given.(interpreter.InterpretableCall)
	if !ok || slices.Contains(passing, call.Function()) {
		return given, nil
	}
	return &guardedCall{call}, nil
}

type guardedCall struct{ interpreter.InterpretableCall }

// Eval gives an unknown where a member that the function could read is unknown.
func (g *guardedCall) Eval(names interpreter.Activation) ref.Val {
	for i, argument := range g.Args() {
		value := argument.Eval(names)
		if members, ok := value.(traits.Mapper); ok && i == 1 && g.Function() == operators.In {
			if member, found := members.Find(g.Args()[0].Eval(names)); found && types.IsUnknown(member) {
				return member
			}
			continue
		}
		if _, ok := value.(traits.Lister); ok && g.Function() == overloads.Size {
			continue // its members are there, whatever is in them
		}
		if unknown := unknownIn(value); unknown != nil {
			return unknown
		}
	}
	return g.InterpretableCall.Eval(names)
}

func unknownIn(value ref.Val) ref.Val {
	switch it := value.(type) {
	case *types.Unknown:
		return it
	case *types.Optional:
		if it.HasValue() {
			return unknownIn(it.GetValue())
		}
	case traits.Lister:
		for members := it.Iterator(); members.HasNext() == types.True; {
			if found := unknownIn(members.Next()); found != nil {
				return found
			}
		}
	case traits.Mapper:
		for keys := it.Iterator(); keys.HasNext() == types.True; {
			if found := unknownIn(it.Get(keys.Next())); found != nil {
				return found
			}
		}
	}
	return nil
}

// names tells which unknown values an answer hangs on; nil when the answer is known.
func (s *subject) names(answer ref.Val) []string {
	unknown, ok := answer.(*types.Unknown)
	if !ok {
		return nil
	}
	names := []string{}
	for _, id := range unknown.IDs() {
		switch {
		case id == namespaceID:
			names = append(names, "namespaceObject")
		case id == requestID:
			names = append(names, "request")
		case id >= 0 && id < int64(len(s.unknown)):
			names = append(names, strings.Join(s.unknown[id].words(), "."))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
