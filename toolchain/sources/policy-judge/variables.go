package main

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types/ref"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
)

// definition is what a variable stands for. Rules that define one in the same words, by the same variables, share it,
// and with it the value that it has for an object.
type definition struct {
	program cel.Program
	gives   *cel.Type
	outward bool          // it reads more than the object
	reads   []*definition // the variables that it may read
}

// meaning tells definitions apart: the words, the form, and what the names of variables in the words stand for.
type meaning struct {
	text    string
	guarded bool
	reads   string
}

// definitions are those of all rules, by their meaning.
var definitions sync.Map

// values are what variables stand for in one object.
type values map[*definition]result

// result is the value of a variable. Its cost is that of all that it may have read too: never too little.
type result struct {
	value ref.Val
	cost  int64
	err   error
}

// define gives the definition that there is already, or else the one that is made; nil when that has a mistake.
func define(parsed *cel.Ast, key meaning, before map[string]*definition, compile func() *definition) *definition {
	names := variablesIn(parsed)
	reads := make([]*definition, len(names))
	for i, name := range names {
		reads[i] = before[name]
		key.reads += fmt.Sprintf("%s=%p ", name, reads[i])
	}
	if found, ok := definitions.Load(key); ok {
		return found.(*definition)
	}
	made := compile()
	if made == nil || slices.Contains(reads, nil) {
		return made
	}
	made.reads = reads
	found, _ := definitions.LoadOrStore(key, made)
	return found.(*definition)
}

// variablesIn names the variables that an expression may read.
func variablesIn(parsed *cel.Ast) []string {
	named := map[string]bool{}
	ast.PostOrderVisit(parsed.NativeRep().Expr(), ast.NewExprVisitor(func(it ast.Expr) {
		if it.Kind() != ast.SelectKind {
			return
		}
		if holder := it.AsSelect().Operand(); holder.Kind() == ast.IdentKind && holder.AsIdent() == plugincel.VariableVarName {
			named[it.AsSelect().FieldName()] = true
		}
	}))
	return slices.Sorted(maps.Keys(named))
}
